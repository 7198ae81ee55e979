#include "record/launch.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "record/cpu_variants.hpp"

namespace pw::record {

namespace {

constexpr int kScriptDepth = 5;          // as the kernel follows them (fs/exec.c)
constexpr std::size_t kHeadBytes = 256;  // of a file; BINPRM_BUF_SIZE

// Programs that write code while they run. Valgrind would have to translate it again and again.
constexpr std::array<std::string_view, 14> kJitRuntimes = {
    "node", "nodejs", "deno",  "bun",    "java",  "javac", "dotnet",
    "mono", "pypy",   "pypy3", "luajit", "julia", "pwsh",  "scala"};

bool is_executable_file(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// Empty: not in $PATH.
std::string search_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    std::string_view folder = rest.substr(0, rest.find(':'));
    std::string candidate = (folder.empty() ? "." : std::string(folder)) + "/" + name;
    if (is_executable_file(candidate)) return candidate;
    if (folder.size() == rest.size()) return {};
    rest.remove_prefix(folder.size() + 1);
  }
}

Result<std::string> locate(const std::string& name) {
  if (name.find('/') == std::string::npos) {
    std::string path = search_path(name);
    if (!path.empty()) return path;
    return fail(Errno::NoEntry, "program not found: " + name + " is in no folder of $PATH");
  }
  struct stat status = {};
  if (::stat(name.c_str(), &status) != 0) {
    return fail(Errno::NoEntry, "program not found: " + name + ": " + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) return fail(Errno::IsDirectory, name + " is a folder, no program");
  if (!is_executable_file(name)) {
    return fail(Errno::NotExecutable, name + " is not executable; chmod +x makes it so");
  }
  return name;
}

std::string read_head(const std::string& path) {
  std::string head(kHeadBytes, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return head;
}

// "#! interpreter argument": up to two words, the second with the blanks in it.
std::vector<std::string> shebang_words(const std::string& head) {
  constexpr const char* kBlanks = " \t";
  std::string line = head.substr(2, head.find('\n') - 2);
  std::vector<std::string> words;
  std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return words;
  std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
  words.push_back(line.substr(begin, end - begin));
  begin = line.find_first_not_of(kBlanks, end);
  if (begin != std::string::npos) {
    end = line.find_last_not_of(kBlanks);
    words.push_back(line.substr(begin, end - begin + 1));
  }
  return words;
}

// "/opt/jdk/bin/java" and "pypy3.9" are known by their names without folder and version.
std::string jit_runtime(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  for (std::string_view runtime : kJitRuntimes) {
    if (!name.starts_with(runtime)) continue;
    std::string_view version = std::string_view(name).substr(runtime.size());
    bool is_version = std::all_of(version.begin(), version.end(), [](unsigned char c) {
      return std::isdigit(c) != 0 || c == '.' || c == '-';
    });
    if (is_version) return name;
  }
  return {};
}

Result<void> check_machine(const std::string& path, const std::string& head) {
  bool elf = head.size() >= sizeof(Elf64_Ehdr) && head.compare(0, SELFMAG, ELFMAG) == 0;
  if (!elf) {
    return fail(Errno::NotSupported, path + " is neither an ELF program nor a script");
  }
  Elf64_Ehdr header;
  std::memcpy(&header, head.data(), sizeof header);
  if (header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == EM_X86_64) return {};
  return fail(Errno::NotSupported, path + " is no x86-64 program; only those can be recorded");
}

std::string doubled_commas(const std::string& text) {  // as QEMU reads its options
  std::string result;
  for (char c : text) result.append(c == ',' ? 2 : 1, c);
  return result;
}

const char* name_of(Detail detail) {
  return detail == Detail::Pages ? "pages" : detail == Detail::Switches ? "switches" : "full";
}

// Why a recorder cannot be used; empty: it can.
std::string missing_valgrind(const RecordOptions& options) {
  if (search_path("valgrind").empty()) {
    return "valgrind is not installed (sudo apt-get install valgrind)";
  }
  std::string tool = options.recorder_files + "/valgrind/pagewright-amd64-linux";
  if (is_executable_file(tool)) return {};
  return "the Valgrind recorder is not built (" + tool + " is missing; build Pagewright again)";
}

std::string missing_qemu(const RecordOptions& options) {
  if (search_path("qemu-x86_64").empty()) {
    return "qemu-x86_64 is not installed (sudo apt-get install qemu-user)";
  }
  std::string plugin = options.recorder_files + "/pw-qemu.so";
  if (::access(plugin.c_str(), R_OK) == 0) return {};
  return "the QEMU recorder is not built (" + plugin + " is missing; build Pagewright again)";
}

// Debian's `valgrind` is a shell script that changes the environment and starts valgrind.bin.
std::string valgrind_program() {
  std::string program = search_path("valgrind");
  return is_executable_file(program + ".bin") ? program + ".bin" : program;
}

Launch valgrind_launch(const RecordOptions& options, const std::string& spool_folder) {
  Launch launch;
  launch.recorder = Recorder::Valgrind;
  launch.environment = {"VALGRIND_LIB=" + options.recorder_files + "/valgrind"};
  // What the C library frees at exit only for the sake of leak checkers is not the program's doing.
  launch.arguments = {valgrind_program(),
                      "--command-line-only=yes",
                      "--tool=pagewright",
                      "--quiet",
                      "--trace-children=yes",
                      "--vgdb=no",
                      "--run-libc-freeres=no",
                      "--run-cxx-freeres=no",
                      "--detail=" + std::string(name_of(options.detail)),
                      "--spool-dir=" + spool_folder};
  if (options.detail == Detail::Pages) {
    launch.arguments.push_back("--k=" + std::to_string(options.filter_pages));
  }
  const CpuVariants variants = cpu_variants();
  if (!variants.chosen.empty()) launch.arguments.push_back("--variants=" + to_option(variants));
  if (!options.stacks) launch.arguments.push_back("--stacks=none");
  launch.arguments.insert(launch.arguments.end(), options.command.begin(), options.command.end());
  return launch;
}

Launch qemu_launch(const RecordOptions& options, const Program& program,
                   const std::string& spool_folder) {
  Launch launch;
  launch.recorder = Recorder::Qemu;
  std::string plugin = doubled_commas(options.recorder_files + "/pw-qemu.so");
  std::string settings = plugin + ",spool=" + doubled_commas(spool_folder) +
                         ",detail=" + name_of(options.detail) + ",self=" + plugin;
  if (options.detail == Detail::Pages) settings += ",k=" + std::to_string(options.filter_pages);
  launch.arguments = {"qemu-x86_64", "-plugin", settings, "-0", program.words[0], program.path};
  launch.arguments.insert(launch.arguments.end(), program.words.begin() + 1, program.words.end());
  return launch;
}

}  // namespace

Result<Program> find_program(const std::vector<std::string>& command) {
  Program program;
  program.words = command;
  std::string name = command.at(0);
  for (int depth = 0; depth < kScriptDepth; ++depth) {
    auto path = locate(name);
    if (!path) return tl::unexpected(path.error());
    program.path = *path;
    if (program.jit.empty()) program.jit = jit_runtime(*path);
    if (::access(path->c_str(), R_OK) != 0) {
      return fail(Errno::Access, *path + " cannot be read, so it cannot be recorded");
    }
    std::string head = read_head(*path);
    if (!head.starts_with("#!")) {
      PW_TRY(check_machine(*path, head));
      return program;
    }
    std::vector<std::string> interpreter = shebang_words(head);
    if (interpreter.empty()) break;
    if (interpreter[0].ends_with("/env") && interpreter.size() == 2 && program.jit.empty()) {
      program.jit = jit_runtime(interpreter[1]);
    }
    name = interpreter[0];
    interpreter.push_back(*path);
    interpreter.insert(interpreter.end(), program.words.begin() + 1, program.words.end());
    program.words = std::move(interpreter);
  }
  return fail(Errno::NotExecutable,
              program.path + " is a script whose first line names no program");
}

Result<Launch> prepare_launch(const RecordOptions& options, const Program& program,
                              const std::string& spool_folder) {
  std::string no_valgrind = missing_valgrind(options);
  std::string no_qemu = missing_qemu(options);
  bool wants_qemu = options.with == With::Qemu;
  std::string reason = "as asked for";
  if (options.with == With::Auto) {
    wants_qemu = !program.jit.empty();
    reason = wants_qemu ? program.jit + " compiles code while it runs, which Valgrind is slow at"
                        : "it records call stacks and is the more exact of the two";
    const std::string& wanted = wants_qemu ? no_qemu : no_valgrind;
    const std::string& other = wants_qemu ? no_valgrind : no_qemu;
    if (!wanted.empty()) {
      if (!other.empty()) return fail(Errno::NotSupported, wanted + "; " + other);
      wants_qemu = !wants_qemu;
      reason = wanted;
    }
  }
  const std::string& missing = wants_qemu ? no_qemu : no_valgrind;
  if (!missing.empty()) return fail(Errno::NotSupported, missing);
  Launch launch = wants_qemu ? qemu_launch(options, program, spool_folder)
                             : valgrind_launch(options, spool_folder);
  launch.reason = std::string(wants_qemu ? "QEMU: " : "Valgrind: ") + reason;
  return launch;
}

}  // namespace pw::record
