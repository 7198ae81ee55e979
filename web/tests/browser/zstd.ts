// A zstd frame of one raw block (RFC 8878, section 3.1.1): as good as compressed, for a reader.
export function zstdCompress(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 255) throw new Error("more than a frame of a one-byte size can hold");
  const size = bytes.length;
  const block = (size << 3) | 1; // raw, the last one
  return Uint8Array.of(
    ...[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], // magic number; single segment, its size
    ...[block & 0xff, (block >> 8) & 0xff, (block >> 16) & 0xff],
    ...bytes,
  );
}
