#include "diff/readahead_generator.hpp"

#include "base/random.hpp"

namespace pw::readahead {

namespace {

class Generator {
 public:
  Generator(std::uint64_t seed, std::uint64_t window) : random_(seed), window_(window) {}

  Case make(std::uint64_t request) {
    c_.window = window_;
    c_.request = request;
    choose_file();
    const std::uint64_t parts = 1 + below(6);
    for (std::uint64_t i = 0; i < parts; ++i) add_part();
    return c_;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class T>
  T any(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }

  void choose_file() {
    const std::uint64_t pages = 1 + below(any<std::uint64_t>({40, 300, 1200, 4 * window_, 6000}));
    c_.bytes = pages * kPage - (one_in(3) ? below(kPage) : 0);
    c_.chunk = any<std::uint64_t>({kPage, 16 * kPage, 256 * kPage, 1024 * kPage, 12'345, 100'000});
    c_.cold = !one_in(4);
  }

  void add(Kind kind, unsigned which, std::uint64_t a, std::uint64_t b = 0,
           Hint hint = Hint::Normal) {
    c_.steps.push_back({kind, which, a, b, hint});
  }

  void need_map(unsigned slot) {
    if (mapped_[slot].b > 0 && !one_in(4)) return;
    if (mapped_[slot].b > 0) add(Kind::Unmap, slot, 0);
    Step s;
    s.kind = Kind::Map;
    s.which = slot;
    s.a = one_in(3) ? below(c_.pages()) : 0;
    s.b = c_.pages() - s.a;
    if (one_in(4)) s.b = 1 + below(s.b);
    s.file = static_cast<unsigned>(below(kFiles));
    s.shared = one_in(2);
    s.write = one_in(2);
    s.execute = one_in(5);
    s.skew = any<std::uint64_t>({0, 0, s.a % 512, below(512)});
    mapped_[slot] = s;
    c_.steps.push_back(s);
    if (one_in(3)) {
      add(Kind::Madvise, slot, s.a, s.b, any({Hint::Random, Hint::Sequential, Hint::WillNeed}));
    }
  }

  void touch(unsigned slot, std::uint64_t page) {
    const Step& map = mapped_[slot];
    if (page < map.a || page >= map.a + map.b || page >= c_.pages()) return;
    Kind kind = Kind::Load;
    if (map.write && one_in(6)) kind = Kind::Store;
    if (map.execute && one_in(2)) kind = Kind::Fetch;
    add(kind, slot, page);
  }

  void add_part() {
    const unsigned slot = static_cast<unsigned>(below(kSlots));
    const unsigned file = static_cast<unsigned>(below(kFiles));
    switch (below(12)) {
      case 0:
        return walk(slot, 1);
      case 1:
        return walk(slot, 2 + below(20));
      case 2:
        return walk(slot, 0 - (1 + below(20)));
      case 3:
        return touch_anywhere(slot);
      case 4:
        return interleave(slot);
      case 5:
        return read_on(file);
      case 6:
        return read_anywhere(file);
      case 7:
        return write(file);
      case 8:
        return store_anywhere(slot);
      case 9:
        return follow_traces(file);
      case 10:
        return populate(slot);
      default:
        return advise(file);
    }
  }

  // `step`: in pages, perhaps backwards (it wraps).
  void walk(unsigned slot, std::uint64_t step) {
    need_map(slot);
    std::uint64_t page = mapped_[slot].a + below(mapped_[slot].b);
    const std::uint64_t touches = 5 + below(60);
    for (std::uint64_t i = 0; i < touches; ++i, page += step) touch(slot, page);
  }

  void touch_anywhere(unsigned slot) {
    need_map(slot);
    const std::uint64_t touches = one_in(8) ? 150 + below(150) : 5 + below(40);
    for (std::uint64_t i = 0; i < touches; ++i) touch(slot, below(c_.pages()));
  }

  // Stores to private memory do not fault around: misses add up.
  void store_anywhere(unsigned slot) {
    if (mapped_[slot].b > 0) add(Kind::Unmap, slot, 0);
    Step s{Kind::Map, slot, 0, c_.pages()};
    s.write = true;
    mapped_[slot] = s;
    c_.steps.push_back(s);
    const std::uint64_t stores = one_in(2) ? 160 : 20;
    for (std::uint64_t i = 0; i < stores; ++i) {
      add(one_in(20) ? Kind::Load : Kind::Store, slot, below(c_.pages()));
    }
  }

  // A read right behind a few pages that are there already.
  void follow_traces(unsigned file) {
    const std::uint64_t first = one_in(2) ? 0 : below(c_.pages());
    const std::uint64_t length = 1 + below(window_);
    add(Kind::Sync, file, 0);
    add(Kind::Fadvise, file, 0, 0, Hint::DontNeed);
    add(Kind::Fadvise, file, first * kPage, length * kPage, Hint::WillNeed);
    for (int i = 0; i < 4; ++i) {
      add(Kind::Read, file, (first + length) * kPage + below(kPage), 1 + below(30'000));
    }
  }

  void populate(unsigned slot) {
    need_map(slot);
    const Step& map = mapped_[slot];
    const std::uint64_t first = below(map.b);
    const std::uint64_t pages = 1 + below(std::min<std::uint64_t>(map.b - first, 3 * window_));
    add(Kind::Populate, slot, map.a + first, pages);
  }

  void interleave(unsigned slot) {
    need_map(slot);
    const std::uint64_t first = below(c_.pages()), second = below(c_.pages());
    const std::uint64_t touches = 10 + below(30);
    for (std::uint64_t i = 0; i < touches; ++i) {
      touch(slot, first + i);
      touch(slot, second + i);
    }
  }

  void read_on(unsigned file) {
    std::uint64_t at = one_in(2) ? 0 : below(c_.bytes);
    const std::uint64_t length = any<std::uint64_t>({100, 4096, 5000, 16'384, 65'536, 300'000});
    const std::uint64_t reads = 5 + below(40);
    for (std::uint64_t i = 0; i < reads && at < c_.bytes; ++i, at += length) {
      add(Kind::Read, file, at, length);
      if (one_in(5)) touch(static_cast<unsigned>(below(kSlots)), below(c_.pages()));
    }
  }

  void read_anywhere(unsigned file) {
    const std::uint64_t reads = 5 + below(25);
    for (std::uint64_t i = 0; i < reads; ++i) {
      add(Kind::Read, file, below(c_.bytes),
          1 + below(any<std::uint64_t>({4096, 20'000, 200'000})));
    }
  }

  void write(unsigned file) {
    std::uint64_t at = below(c_.bytes);
    const std::uint64_t writes = 1 + below(12);
    for (std::uint64_t i = 0; i < writes; ++i) {
      const std::uint64_t length = 1 + below(any<std::uint64_t>({4096, 20'000, 70'000, 3'000'000}));
      add(Kind::Write, file, at, length);
      c_grown_ = std::max(c_grown_, at + length);
      at = one_in(2) ? at + length : below(c_.bytes);
    }
    add(Kind::Sync, file, 0);
  }

  void advise(unsigned file) {
    if (one_in(3)) {
      const Hint hint = any({Hint::Normal, Hint::Random, Hint::Sequential});
      return add(Kind::Fadvise, file, 0, 0, hint);
    }
    const std::uint64_t at = below(c_.bytes);
    const std::uint64_t length = one_in(3) ? 0 : 1 + below(c_.bytes);
    if (one_in(2)) return add(Kind::Fadvise, file, at, length, Hint::WillNeed);
    if (one_in(2)) {
      for (unsigned slot = 0; slot < kSlots; ++slot) {
        if (mapped_[slot].b > 0) add(Kind::Unmap, slot, 0);
        mapped_[slot] = {};
      }
    }
    add(Kind::Sync, file, 0);  // or it would depend on how fast writing is
    add(Kind::Fadvise, file, at, length, Hint::DontNeed);
  }

  Random random_;
  std::uint64_t window_;
  Case c_;
  std::uint64_t c_grown_ = 0;
  Step mapped_[kSlots];
};

}  // namespace

Case random_case(std::uint64_t seed, std::uint64_t window, std::uint64_t request) {
  return Generator(seed, window).make(request);
}

}  // namespace pw::readahead
