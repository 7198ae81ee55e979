// Bytes outside the machine's memory: a file of the host, a swap file, or an array in a test or the
// browser. The machine transfers whole pages through it; how long that takes in simulated time is a
// DeviceModel's matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/result.hpp"
#include "base/units.hpp"

namespace pw {

class BackingStore {
 public:
  virtual ~BackingStore() = default;
  virtual ByteCount size() const = 0;
  // Reads at `offset`; bytes past the end read as zero. Error: Io.
  virtual Result<void> read(ByteCount offset, std::span<std::byte> out) = 0;
  // Writes at `offset`; never past size(). Errors: Io, NoSpace, ReadOnly.
  virtual Result<void> write(ByteCount offset, std::span<const std::byte> bytes) = 0;
  virtual Result<void> resize(ByteCount size) = 0;  // Errors: Io, NoSpace, ReadOnly
  virtual Result<void> sync() = 0;
  // The bytes read as zeros from now on; never past size(). Errors: Io, NoSpace, ReadOnly.
  virtual Result<void> zero(ByteCount offset, ByteCount length);
  // Nobody will read these bytes again before they are written. A store may give up what it keeps
  // for them.
  virtual void discard(ByteCount /*offset*/, ByteCount /*length*/) {}
};

inline Result<void> BackingStore::zero(ByteCount offset, ByteCount length) {
  const std::byte zeros[kPageSize]{};
  while (length.value > 0) {
    const ByteCount part(std::min(length.value, kPageSize));
    PW_TRY(write(offset, {zeros, static_cast<std::size_t>(part.value)}));
    offset = offset + part;
    length = length - part;
  }
  return {};
}

}  // namespace pw
