#include "record/overview_reader.hpp"

#include <string>

namespace pw::record {

Result<void> decode_block(PayloadDecoder& decoder, std::string_view payload, const BlockRef& block,
                          Chunk& out, bool continues) {
  const PayloadStart start{out.info.clock, out.info.begin_ns, out.info.events};
  const auto decoded = decoder.decode(payload, start, out, continues);
  const bool as_said = decoded && out.events.size() == out.info.events &&
                       decoder.end_clock() <= out.info.end_clock;
  if (as_said) return {};
  const std::string why = decoded ? "not as many events as announced" : decoded.error().message;
  return fail(Errno::Io, why + ", in the chunk at byte " + std::to_string(block.offset));
}

OverviewReader::OverviewReader(const RecordingData& data, std::uint32_t filter_pages,
                               const std::vector<ChunkInfo>& chunks)
    : data_(data), parts_(data.overviews.at(filter_pages)), chunks_(chunks) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> last;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const std::pair key(chunks[i].pid, chunks[i].stream);
    const auto known = last.find(key);
    before_.push_back(known == last.end() ? kNone : known->second);
    last[key] = i;
    streams_.try_emplace(key, filter_pages);
  }
}

bool OverviewReader::continues(std::size_t index) const {
  const BlockHeader& header = parts_[index].header;
  return header.type == BlockType::Thinned && (header.flags & kFlagContinues) != 0;
}

// The stream has decoded what it goes on from.
Result<void> OverviewReader::decode_next(std::size_t index, Stream& stream, Chunk& out) const {
  stream.last = kNone;
  const auto payload = read_block(data_.source, parts_[index], out.packed, out.unpacked);
  if (!payload) return tl::unexpected(payload.error());
  PW_TRY(decode_block(stream.decoder, *payload, parts_[index], out, continues(index)));
  stream.last = index;
  return {};
}

Result<void> OverviewReader::decode(std::size_t index, Chunk& out) {
  const std::lock_guard lock(mutex_);
  Stream& stream = streams_.at({out.info.pid, out.info.stream});
  std::vector<std::size_t> first;  // the last of them first
  for (std::size_t at = index; continues(at);) {
    at = before_[at];
    if (at == kNone) return fail(Errno::Io, "an overview goes on from nothing");
    if (at == stream.last) break;
    first.push_back(at);
  }
  for (; !first.empty(); first.pop_back()) {
    passed_.info = chunks_[first.back()];
    PW_TRY(decode_next(first.back(), stream, passed_));
  }
  return decode_next(index, stream, out);
}

}  // namespace pw::record
