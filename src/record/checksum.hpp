// xxh64, seed 0: the checksum of recordings.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pw::record {

inline std::uint64_t checksum(std::string_view bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

// Of a structure whose last eight bytes are its own checksum.
template <class Structure>
std::uint64_t checksum_of(const Structure& structure) {
  return XXH64(&structure, sizeof(Structure) - sizeof(std::uint64_t), 0);
}
template <class Structure>
void seal(Structure& structure) {
  structure.checksum = checksum_of(structure);
}
template <class Structure>
bool sealed(const Structure& structure) {
  return structure.checksum == checksum_of(structure);
}

template <class Structure>
std::string_view bytes_of(const Structure& structure) {
  return {reinterpret_cast<const char*>(&structure), sizeof(Structure)};
}
template <class Structure>
Structure structure_at(const char* bytes) {
  Structure structure;
  std::memcpy(static_cast<void*>(&structure), bytes, sizeof(Structure));
  return structure;
}

}  // namespace pw::record
