/* The plugin: what QEMU calls, and what it is asked to call.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One read-write memory callback asks whether the access is a store: two separate callbacks count
 * twice on QEMU 7.2. An atomic read-modify-write of a program with several threads is reported
 * once, as a store; all else counts as recorder/common/encoding.h says. Vectors arrive as
 * references of 8 bytes.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "files.h"
#include "image.h"
#include "options.h"
#include "plugin_api.h"
#include "spool.h"
#include "stream.h"
#include "ticker.h"

PLUGIN_EXPORT extern int qemu_plugin_version;
int qemu_plugin_version = PLUGIN_API_VERSION;

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int count,
                                      char** arguments);

enum { kWidestAccess = 16, kExitRecorder = 125 };

/* The bit of a meminfo that says "store"; 0: unknown, ask each time. */
static qemu_plugin_meminfo_t g_store_bit;

/* qemu_plugin_mem_is_store() is a function of the number it is given. If a single bit decides, as
 * in all versions of the interface, testing it spares a call for each reference. */
static void find_store_bit(void) {
  qemu_plugin_meminfo_t deciding = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const qemu_plugin_meminfo_t info = (qemu_plugin_meminfo_t)1 << bit;
    if (qemu_plugin_mem_is_store(info)) deciding |= info;
  }
  const bool single = deciding != 0 && (deciding & (deciding - 1)) == 0;
  if (single && !qemu_plugin_mem_is_store(0) &&
      qemu_plugin_mem_is_store(~(qemu_plugin_meminfo_t)0)) {
    g_store_bit = deciding;
  }
}

/* ---- references ---- */

static bool straddles(qemu_plugin_meminfo_t info, uint64_t address) {
  const uint64_t size = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
  return (address & (kPageSize - 1)) + size > kPageSize;
}

static __attribute__((noinline)) void access_slowly(struct stream* s, qemu_plugin_meminfo_t info,
                                                    uint64_t address) {
  const bool store = qemu_plugin_mem_is_store(info);
  const enum pw_kind kind = store ? PW_FETCH_WRITE : PW_FETCH_READ;
  const uint64_t page = address >> kPageShift;
  if (!stream_hit(s, page, !store)) stream_touch(s, page, kind);
  if (!straddles(info, address)) return;
  ++s->clock;
  if (!stream_hit(s, page + 1, !store)) stream_touch(s, page + 1, kind);
}

/* The hot path: no call, nothing kept over one. */
static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* unused) {
  struct stream* const s = g_streams[vcpu];
  (void)unused;
  ++s->clock;
  /* Near the end of a page lies what may straddle. */
  const bool within = (address & (kPageSize - 1)) <= kPageSize - kWidestAccess;
  const bool load = (info & g_store_bit) == 0;
  if (__builtin_expect(within && stream_hit(s, address >> kPageShift, load), 1)) return;
  access_slowly(s, info, address);
}

/* For a QEMU whose meminfo has no known store bit. */
static void on_access_asking(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address,
                             void* unused) {
  struct stream* const s = g_streams[vcpu];
  (void)unused;
  ++s->clock;
  access_slowly(s, info, address);
}

static void on_access_full(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address,
                           void* unused) {
  struct stream* const s = g_streams[vcpu];
  const uint64_t before = s->clock;
  (void)unused;
  s->clock += straddles(info, address) ? 2 : 1;
  stream_reference(s, before, address,
                   qemu_plugin_mem_is_store(info) ? PW_FETCH_WRITE : PW_FETCH_READ,
                   UINT64_C(1) << qemu_plugin_mem_size_shift(info));
}

/* `page`: the one that the instructions from here on are on. */
static void on_code(unsigned vcpu, void* page) {
  struct stream* const s = g_streams[vcpu];
  const uint64_t number = (uint64_t)(uintptr_t)page;
  if (atomic_load_explicit(&s->code_gate, memory_order_relaxed) == number) return;
  stream_enter_code(s, number);
}

static void* as_user(uint64_t page) { return (void*)(uintptr_t)page; }

/* Before the program's first block: everything is mapped and nothing has run. */
static void begin_image(const struct qemu_plugin_tb* block) {
  static bool begun;
  if (begun) return;
  begun = true;
  const struct qemu_plugin_insn* const insn = qemu_plugin_tb_get_insn(block, 0);
  const uint64_t host = (uint64_t)(uintptr_t)qemu_plugin_insn_haddr(insn);
  if (host != 0) image_set_guest_base(host - qemu_plugin_insn_vaddr(insn));
  image_write();
  image_write_start();
  files_start();
}

static qemu_plugin_vcpu_mem_cb_t access_callback(void) {
  if (g_options.detail == PW_DETAIL_FULL) return on_access_full;
  return g_store_bit != 0 ? on_access : on_access_asking;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  const size_t count = qemu_plugin_tb_n_insns(block);
  const qemu_plugin_vcpu_mem_cb_t access = access_callback();
  uint64_t page = qemu_plugin_tb_vaddr(block) >> kPageShift;
  (void)id;
  begin_image(block);
  qemu_plugin_register_vcpu_tb_exec_cb(block, on_code, QEMU_PLUGIN_CB_NO_REGS, as_user(page));
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn* const insn = qemu_plugin_tb_get_insn(block, i);
    const uint64_t last = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn) - 1;
    if (last >> kPageShift != page) {
      page = last >> kPageShift;
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_code, QEMU_PLUGIN_CB_NO_REGS, as_user(page));
    }
    qemu_plugin_register_vcpu_mem_cb(insn, access, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
                                     NULL);
  }
}

/* ---- threads and system calls ---- */

static void on_vcpu_init(qemu_plugin_id_t id, unsigned vcpu) {
  (void)id;
  if (vcpu >= kMaxStreams || stream_adopt(vcpu) == NULL) {
    spool_log("no memory for the stream of thread %u: the program is ended", vcpu);
    _exit(kExitRecorder);
  }
  calls_note_thread();
}

static void on_syscall(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                       uint64_t a8) {
  struct stream* const s = g_streams[vcpu];
  (void)id;
  (void)a7;
  (void)a8;
  s->call = (struct system_call){.number = number, .arguments = {a1, a2, a3, a4, a5, a6}};
  calls_before(s);
  /* A child must not be born with a stream that a ticker, which it has not, holds. */
  if (!calls_makes_processes(number)) stream_park(s);
}

static void on_syscall_return(qemu_plugin_id_t id, unsigned vcpu, int64_t number, int64_t result) {
  struct stream* const s = g_streams[vcpu];
  (void)id;
  if (!calls_makes_processes(number)) stream_unpark(s);
  calls_after(s, result);
}

static void on_exit_of_process(qemu_plugin_id_t id, void* unused) {
  (void)id;
  (void)unused;
  calls_finish();
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int count, char** arguments) {
  if (info->system_emulation || strcmp(info->target_name, "x86_64") != 0) {
    fprintf(stderr, "pw-qemu: only qemu-x86_64, the user-mode emulator, can record\n");
    return -1;
  }
  if (!options_parse(count, arguments)) return -1;
  if (!image_read_command()) {
    fprintf(stderr, "pw-qemu: cannot read /proc/self/cmdline\n");
    return -1;
  }
  if (!spool_open(g_options.parent, 0)) {
    if (g_options.follows)
      return 0; /* the folder is gone while the program runs: it runs on unrecorded */
    fprintf(stderr, "pw-qemu: cannot write to the folder %s\n", g_options.spool);
    return -1;
  }
  find_store_bit();
  ticker_start();
  qemu_plugin_register_vcpu_init_cb(id, on_vcpu_init);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_return);
  qemu_plugin_register_atexit_cb(id, on_exit_of_process, NULL);
  return 0;
}
