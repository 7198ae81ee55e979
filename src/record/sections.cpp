#include "record/sections.hpp"

#include "record/varint.hpp"

namespace pw::record {

namespace {

void put_maps(std::string& out, const std::vector<MappedArea>& maps) {
  put_varint(out, maps.size());
  std::uint64_t previous = 0;
  for (const MappedArea& area : maps) {
    put_varint(out, zigzag(area.begin.value - previous));
    put_varint(out, area.end.value - area.begin.value);
    unsigned rights = (area.readable ? 1U : 0U) | (area.writable ? 2U : 0U) |
                      (area.executable ? 4U : 0U) | (area.shared ? 8U : 0U);
    put_varint(out, rights);
    put_varint(out, area.file_offset);
    put_string(out, area.name);
    previous = area.end.value;
  }
}

bool get_maps(ByteReader& reader, std::vector<MappedArea>& out) {
  std::uint64_t count = reader.varint();
  std::uint64_t previous = 0;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    MappedArea area;
    area.begin = VirtAddr(previous + unzigzag(reader.varint()));
    area.end = area.begin + ByteCount(reader.varint());
    std::uint64_t rights = reader.varint();
    area.readable = (rights & 1) != 0;
    area.writable = (rights & 2) != 0;
    area.executable = (rights & 4) != 0;
    area.shared = (rights & 8) != 0;
    area.file_offset = reader.varint();
    area.name = reader.string();
    if (!reader.ok() || area.end < area.begin) return false;
    previous = area.end.value;
    out.push_back(std::move(area));
  }
  return reader.ok();
}

bool get_strings(ByteReader& reader, std::vector<std::string>& out) {
  std::uint64_t count = reader.varint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    std::string_view text = reader.string();
    if (reader.ok()) out.emplace_back(text);
  }
  return reader.ok();
}

StackFrame get_frame(ByteReader& reader) {
  StackFrame frame;
  frame.module = static_cast<std::uint32_t>(reader.varint());
  frame.offset = reader.varint();
  return frame;
}

void put_frame(std::string& out, const StackFrame& frame) {
  put_varint(out, frame.module);
  put_varint(out, frame.offset);
}

}  // namespace

std::string encode_strings(const std::vector<std::string>& strings) {
  std::string out;
  put_varint(out, strings.size());
  for (const std::string& text : strings) put_string(out, text);
  return out;
}

std::string encode_maps(const std::vector<MappedArea>& maps) {
  std::string out;
  put_maps(out, maps);
  return out;
}

std::string encode_image(const Image& image) {
  std::string out = encode_strings(image.command);
  put_maps(out, image.maps);
  const StartStrings& start = image.start;
  for (std::uint64_t number : {start.arguments, start.argument_bytes, start.variables,
                               start.variable_bytes, start.program_bytes}) {
    put_varint(out, number);
  }
  return out;
}

std::string encode_modules(const std::vector<Module>& modules) {
  std::string out;
  for (const Module& module : modules) {
    put_string(out, module.path);
    put_string(out, module.build_id);
  }
  return out;
}

std::string encode_files(const std::vector<FileInfo>& files) {
  std::string out;
  for (const FileInfo& file : files) {
    put_string(out, file.path);
    for (std::uint64_t number : {file.device, file.inode, file.birth_ns, file.bytes,
                                 file.cached_pages + 1, std::uint64_t{file.memory}}) {
      put_varint(out, number);
    }
  }
  return out;
}

std::string encode_stacks(const std::vector<StackFrames>& stacks) {
  std::string out;
  for (const StackFrames& stack : stacks) {
    put_varint(out, stack.size());
    for (const StackFrame& frame : stack) put_frame(out, frame);
  }
  return out;
}

std::string encode_symbols(const std::vector<ModuleSymbol>& symbols) {
  std::string out;
  for (const ModuleSymbol& entry : symbols) {
    put_frame(out, entry.frame);
    put_string(out, entry.symbol.function);
    put_string(out, entry.symbol.file);
    put_varint(out, entry.symbol.line);
  }
  return out;
}

std::string encode_wait_ends(const std::vector<WaitEnd>& ends) {
  std::string out;
  std::uint64_t before = 0;
  for (const WaitEnd& end : ends) {
    put_varint(out, end.pid);
    put_varint(out, end.end_ns - before);
    put_varint(out, end.waker);
    put_varint(out, end.end_ns - end.wake_ns);
    before = end.end_ns;
  }
  return out;
}

bool decode_strings(std::string_view bytes, std::vector<std::string>& out) {
  ByteReader reader(bytes);
  return get_strings(reader, out);
}

bool decode_maps(std::string_view bytes, std::vector<MappedArea>& out) {
  ByteReader reader(bytes);
  return get_maps(reader, out);
}

bool decode_image(std::string_view bytes, Image& out) {
  ByteReader reader(bytes);
  if (!get_strings(reader, out.command) || !get_maps(reader, out.maps)) return false;
  if (reader.done()) return true;  // version 1
  StartStrings& start = out.start;
  for (std::uint64_t* number : {&start.arguments, &start.argument_bytes, &start.variables,
                                &start.variable_bytes, &start.program_bytes}) {
    *number = reader.varint();
  }
  return reader.ok();
}

bool decode_modules(std::string_view bytes, std::vector<Module>& out) {
  ByteReader reader(bytes);
  while (!reader.done()) {
    Module module;
    module.path = reader.string();
    module.build_id = reader.string();
    if (!reader.ok()) return false;
    out.push_back(std::move(module));
  }
  return true;
}

bool decode_files(std::string_view bytes, std::vector<FileInfo>& out) {
  ByteReader reader(bytes);
  while (!reader.done()) {
    FileInfo file;
    file.path = reader.string();
    file.device = reader.varint();
    file.inode = reader.varint();
    file.birth_ns = reader.varint();
    file.bytes = reader.varint();
    file.cached_pages = reader.varint() - 1;
    file.memory = (reader.varint() & 1) != 0;
    if (!reader.ok()) return false;
    out.push_back(std::move(file));
  }
  return true;
}

bool decode_stacks(std::string_view bytes, std::vector<StackFrames>& out) {
  ByteReader reader(bytes);
  while (!reader.done()) {
    std::uint64_t count = reader.varint();
    if (count > reader.left()) return false;
    StackFrames stack;
    stack.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) stack.push_back(get_frame(reader));
    if (!reader.ok()) return false;
    out.push_back(std::move(stack));
  }
  return true;
}

bool decode_symbols(std::string_view bytes, std::vector<ModuleSymbol>& out) {
  ByteReader reader(bytes);
  while (!reader.done()) {
    ModuleSymbol entry;
    entry.frame = get_frame(reader);
    entry.symbol.function = reader.string();
    entry.symbol.file = reader.string();
    entry.symbol.line = static_cast<std::uint32_t>(reader.varint());
    if (!reader.ok()) return false;
    out.push_back(std::move(entry));
  }
  return true;
}

bool decode_wait_ends(std::string_view bytes, std::vector<WaitEnd>& out) {
  ByteReader reader(bytes);
  std::uint64_t before = 0;
  while (!reader.done()) {
    WaitEnd end;
    end.pid = static_cast<std::uint32_t>(reader.varint());
    end.end_ns = before += reader.varint();
    end.waker = static_cast<std::uint32_t>(reader.varint());
    const std::uint64_t since_wake = reader.varint();
    if (!reader.ok() || since_wake > end.end_ns) return false;
    end.wake_ns = end.end_ns - since_wake;
    out.push_back(end);
  }
  return true;
}

}  // namespace pw::record
