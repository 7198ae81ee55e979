// Runs pieces of work in threads that start together.
#pragma once

#include <atomic>
#include <barrier>
#include <cstddef>
#include <thread>
#include <vector>

namespace pw::stress {

// Calls work(0) ... work(count - 1), each once, from `threads` threads; each takes the next when it
// is done with one. Returns when all are done.
template <class Work>
void in_threads(std::size_t threads, std::size_t count, Work&& work) {
  std::atomic<std::size_t> next{0};
  std::barrier start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      start.arrive_and_wait();
      for (std::size_t i = next++; i < count; i = next++) work(i);
    });
  }
}

}  // namespace pw::stress
