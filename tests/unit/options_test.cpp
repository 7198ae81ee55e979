// Machines as users write them: what is understood, and that nonsense gets one sentence with the
// remedy.
#include "tools/options.hpp"

#include <gtest/gtest.h>

#include "policy/any_policy.hpp"
#include "tools/cpu_presets.hpp"
#include "tools/machine_flags.hpp"

namespace pw::tools {
namespace {

TEST(Options, SizesOfAllSpellings) {
  const std::vector<std::pair<const char*, std::uint64_t>> cases{{"0", 0},
                                                                 {"4096", 4096},
                                                                 {"4096B", 4096},
                                                                 {"64K", 64ULL << 10},
                                                                 {"64k", 64 << 10},
                                                                 {"64KiB", 64 << 10},
                                                                 {"64KB", 64 << 10},
                                                                 {"64M", 64 << 20},
                                                                 {"64MiB", 64 << 20},
                                                                 {"1G", 1ULL << 30},
                                                                 {"2T", 2ULL << 40}};
  for (const auto& [text, bytes] : cases) {
    const Result<ByteCount> size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(size->value, bytes) << text;
  }
}

TEST(Options, NonsenseSizesSaySo) {
  for (const char* text : {"", "M", "-1", "64Q", "64MM", "64 M", "1.5G", "0x40", "64Mi", "1e9",
                           "99999999999999999999", "99999999T", "5000T", "64BB"}) {
    const Result<ByteCount> size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, Errno::Invalid);
    EXPECT_NE(size.error().message.find("64M"), std::string::npos) << size.error().message;
  }
}

MachineConfig with(const std::vector<std::pair<const char*, const char*>>& settings,
                   std::uint64_t peak_pages = 1000) {
  MachineRequest request;
  for (const auto& [key, value] : settings) {
    const Result<void> applied = apply_setting(request, key, value);
    EXPECT_TRUE(applied) << key << ' ' << value;
  }
  return resolve(request, PageCount(peak_pages));
}

TEST(Options, RamInBytesAndInPercentOfThePeak) {
  EXPECT_EQ(with({}).ram.value, 16ULL << 30);
  EXPECT_EQ(with({{"ram", "64M"}}).ram.value, 64ULL << 20);
  EXPECT_EQ(with({{"ram", "50%"}}).ram.value, 500 * kPageSize);
  EXPECT_EQ(with({{"ram", "33.3%"}}).ram.value, 333 * kPageSize);
  EXPECT_EQ(with({{"ram", "50%"}, {"ram", "64M"}}).ram.value, 64ULL << 20);
  EXPECT_EQ(with({{"ram", "64M"}, {"ram", "50%"}}).ram.value, 500 * kPageSize);
  EXPECT_EQ(with({{"ram", "1%"}}).ram.value, 64 * kPageSize);  // no less than a filter
}

TEST(Options, SwapComesByItselfWhereRamIsLimited) {
  EXPECT_EQ(with({}).swap.value, 0U);
  EXPECT_GE(with({{"ram", "50%"}}).swap.value, 1000 * kPageSize);
  EXPECT_GE(with({{"ram", "64M"}}, 1ULL << 24).swap.value, kPageSize << 24);
  EXPECT_EQ(with({{"ram", "64M"}, {"swap", "none"}}).swap.value, 0U);
  EXPECT_EQ(with({{"swap", "2G"}}).swap.value, 2ULL << 30);
}

TEST(Options, ReplaysNeverCarryBytes) { EXPECT_EQ(with({}).contents, Contents::MetadataOnly); }

TEST(Options, EverySettingReachesTheMachine) {
  const MachineConfig c = with({{"swap-device", "nvme"},
                                {"file-device", "hdd"},
                                {"policy", "lru"},
                                {"cpus", "3"},
                                {"levels", "5"},
                                {"pcid", "off"},
                                {"kpti", "on"},
                                {"page-cache", "cold"},
                                {"swappiness", "60"},
                                {"fault-around", "1"},
                                {"readahead", "7"},
                                {"swap-readahead", "2"},
                                {"prepage", "4"},
                                {"l1d", "32x8:plru"},
                                {"l2", "none"},
                                {"l1i-2m", "2x4:fifo"}});
  EXPECT_EQ(c.swap_device.name, "nvme");
  EXPECT_EQ(c.file_device.name, "hdd");
  EXPECT_EQ(c.policy, "lru");
  EXPECT_EQ(c.cpus, 3U);
  EXPECT_EQ(c.levels, 5);
  EXPECT_EQ(c.cpu.levels, 5);
  EXPECT_FALSE(c.cpu.tlb.pcid);
  EXPECT_TRUE(c.kpti);
  EXPECT_TRUE(c.cold_page_cache);
  EXPECT_EQ(c.swappiness, 60);
  EXPECT_EQ(c.prefetch.fault_around_pages, 1U);
  EXPECT_EQ(c.prefetch.file_readahead_pages, 7U);
  EXPECT_EQ(c.prefetch.swap_readahead_pages, 2U);
  EXPECT_EQ(c.prefetch.prepage_pages, 4U);
  EXPECT_EQ(c.cpu.tlb.l1d_4k.sets, 32U);
  EXPECT_EQ(c.cpu.tlb.l1d_4k.ways, 8U);
  EXPECT_EQ(c.cpu.tlb.l1d_4k.replacement, sim::TlbReplacement::TreePlru);
  EXPECT_EQ(c.cpu.tlb.l2.sets, 0U);
  EXPECT_EQ(c.cpu.tlb.l1i_2m.replacement, sim::TlbReplacement::Fifo);
}

TEST(Options, EverySettingOfTheHelpExistsAndEveryPolicy) {
  for (const SettingHelp& help : setting_help()) {
    MachineRequest request;
    const Result<void> applied = apply_setting(request, help.key, "?");
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().message.find("there is no setting"), std::string::npos) << help.key;
  }
  for (const std::string_view name : policy::policy_names()) {
    MachineRequest request;
    EXPECT_TRUE(apply_setting(request, "policy", name)) << name;
  }
  MachineRequest request;
  ASSERT_TRUE(apply_setting(request, "policy", "clock:fresh=0"));
  EXPECT_EQ(request.config.policy, "clock:fresh=0");
  ASSERT_TRUE(apply_setting(request, "policy", "clock:fresh=1"));
  EXPECT_EQ(request.config.policy, "clock");  // nothing but the default
}

TEST(Options, NonsenseSettingsSayWhatWouldBeRight) {
  const std::vector<std::vector<const char*>> cases{{"ram", "lots", "64M"},
                                                    {"ram", "0", "256K"},
                                                    {"ram", "-5%", "50%"},
                                                    {"ram", "%", "50%"},
                                                    {"ram", "nan%", "50%"},
                                                    {"ram", "64K", "256K"},
                                                    {"swap", "some", "none"},
                                                    {"swap-device", "tape", "hdd"},
                                                    {"policy", "magic", "clock"},
                                                    {"policy", "opt", "second-chance"},
                                                    {"policy", "clock:fresh=7", "0 to 1"},
                                                    {"policy", "lru:x=1", "has no option"},
                                                    {"cpus", "0", "1 to 64"},
                                                    {"cpus", "65", "1 to 64"},
                                                    {"levels", "3", "4 or 5"},
                                                    {"pcid", "maybe", "on or off"},
                                                    {"page-cache", "tepid", "cold or warm"},
                                                    {"swappiness", "201", "0 to 200"},
                                                    {"l1d", "16", "16x4"},
                                                    {"l1d", "0x4", "16x4"},
                                                    {"l1d", "16x4:best", ":plru"},
                                                    {"l1d", "99999999x99999999", "16x4"},
                                                    {"readahead", "-1", "from 1"},
                                                    {"cpu", "abacus", "one of"},
                                                    {"colour", "red", "policy"}};
  for (const auto& c : cases) {
    MachineRequest request;
    const Result<void> applied = apply_setting(request, c[0], c[1]);
    ASSERT_FALSE(applied) << c[0] << ' ' << c[1];
    EXPECT_EQ(applied.error().code, Errno::Invalid);
    EXPECT_NE(applied.error().message.find(c[2]), std::string::npos) << applied.error().message;
    EXPECT_EQ(applied.error().message.find('\n'), std::string::npos);
  }
}

TEST(Options, TlbArraysInOneGo) {
  MachineRequest request;
  ASSERT_TRUE(apply_tlb(request, "l1d=32x8,l2=512x16:random,l1i=none"));
  EXPECT_EQ(request.config.cpu.tlb.l1d_4k.sets, 32U);
  EXPECT_EQ(request.config.cpu.tlb.l2.ways, 16U);
  EXPECT_EQ(request.config.cpu.tlb.l1i_4k.sets, 0U);
  for (const char* text : {"", "l1d", "l3=4x4", "ram=64M", "l1d=32x8,,", "l1d=32x8 l2=4x4"}) {
    EXPECT_FALSE(apply_tlb(request, text)) << text;
  }
}

TEST(Options, WhatIfColumnsDifferFromTheBaseOnlyWhereTheySay) {
  MachineRequest base;
  ASSERT_TRUE(apply_setting(base, "policy", "fifo"));
  const auto columns = parse_what_if("ram=50%,ram=64M+policy=lru,l2=none", base);
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->size(), 3U);
  EXPECT_EQ((*columns)[0].label, "ram=50%");
  EXPECT_EQ((*columns)[0].request.ram_percent, 50);
  EXPECT_EQ((*columns)[0].request.config.policy, "fifo");
  EXPECT_EQ((*columns)[1].request.ram->value, 64ULL << 20);
  EXPECT_EQ((*columns)[1].request.config.policy, "lru");
  EXPECT_FALSE((*columns)[2].request.ram.has_value());
  EXPECT_EQ((*columns)[2].request.config.cpu.tlb.l2.sets, 0U);
  for (const char* text : {"", "ram", "ram=50%,", "ram=50%+", "ram=x", "50%"}) {
    EXPECT_FALSE(parse_what_if(text, base)) << text;
  }
}

TEST(Options, EveryPresetOfACpuIsAWholeCpu) {
  ASSERT_FALSE(cpu_presets().empty());
  for (const std::string& name : cpu_presets()) {
    MachineRequest request;
    ASSERT_TRUE(apply_setting(request, "levels", "5"));
    ASSERT_TRUE(apply_setting(request, "cpu", name));
    const sim::CpuConfig& cpu = request.config.cpu;
    EXPECT_GT(cpu.tlb.l1d_4k.sets * cpu.tlb.l1d_4k.ways, 0U) << name;
    EXPECT_GT(cpu.tlb.l2.sets * cpu.tlb.l2.ways, cpu.tlb.l1d_4k.sets * cpu.tlb.l1d_4k.ways) << name;
    EXPECT_GT(cpu.costs.reference_ps, 0U) << name;
    EXPECT_EQ(cpu.levels, 5) << name;
  }
}

TEST(Options, TlbOptionsChangeThePreset) {
  MachineFlags flags;
  flags.settings = {{"policy", "lru"}, {"cpu", cpu_presets().front()}};
  flags.tlb = "l1d=3x5";
  flags.no_pcid = true;
  const Result<Machines> asked = machines(flags);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->base.config.cpu.tlb.l1d_4k.sets, 3U);
  EXPECT_FALSE(asked->base.config.cpu.tlb.pcid);
}

TEST(Options, TheLinuxModelHasKnobsOfItsOwn) {
  MachineRequest request;
  for (const auto& [key, value] : {std::pair{"model", "linux"},
                                   {"group-limit", "64M"},
                                   {"thp", "madvise"},
                                   {"page-cluster", "0"},
                                   {"stat-flush", "0.02"},
                                   {"swappiness", "10"}}) {
    EXPECT_TRUE(apply_setting(request, key, value)) << key;
  }
  const LinuxOptions& knobs = request.config.linux_options;
  EXPECT_EQ(request.config.model, MemoryModel::Linux);
  EXPECT_EQ(knobs.ageing, Ageing::Lists);
  EXPECT_EQ(knobs.limit_pages, 16384U);
  EXPECT_EQ(knobs.huge_pages, HugePages::Madvise);
  EXPECT_EQ(knobs.page_cluster, 0U);
  EXPECT_EQ(knobs.stat_flush_ns, 20'000'000U);
  EXPECT_EQ(knobs.swappiness, 10);
  EXPECT_GT(resolve(request, PageCount(0)).swap.value, 0U);  // a limit needs swap
  EXPECT_TRUE(apply_setting(request, "group-limit", "none"));
  EXPECT_EQ(knobs.limit_pages, 0U);
  EXPECT_TRUE(apply_setting(request, "model", "linux-mglru"));
  EXPECT_EQ(request.config.model, MemoryModel::Linux);
  EXPECT_EQ(knobs.ageing, Ageing::Generations);
  EXPECT_TRUE(apply_setting(request, "model", "policy"));
  EXPECT_EQ(request.config.model, MemoryModel::Policy);
  for (const auto& [key, value] : {std::pair{"model", "windows"},
                                   {"model", "mglru"},
                                   {"group-limit", "1K"},
                                   {"thp", "yes"},
                                   {"page-cluster", "11"},
                                   {"stat-flush", "0"},
                                   {"stat-flush", "nan"}}) {
    EXPECT_FALSE(apply_setting(request, key, value)) << key << ' ' << value;
  }
}

TEST(Options, ErrorsNameTheOption) {
  MachineFlags flags;
  flags.settings = {{"ram", "lots"}};
  EXPECT_EQ(machines(flags).error().message.find("--ram 'lots'"), 0U);
  flags.settings.clear();
  flags.what_if = "ram=lots";
  EXPECT_EQ(machines(flags).error().message.find("--what-if: ram 'lots'"), 0U);
}

}  // namespace
}  // namespace pw::tools
