#include "analysis/stream.hpp"

#include "base/check.hpp"
#include "policy/catalogue.hpp"

namespace pw::analysis {
namespace {

template <class P>
class PlayingSink final : public PageSink {
 public:
  explicit PlayingSink(const policy::Setup& setup)
      : policy_(setup), player_(policy_, setup.ids, setup.frames) {}

  void take(std::span<const PageId> pages) override {
    player_.references(pages, time_);
    time_ += pages.size();
  }
  const Played& played() const { return player_.played(); }

 private:
  P policy_;
  Player<P> player_;
  std::uint64_t time_ = 0;
};

}  // namespace

Result<StreamedPlay> play_while_reading(InputFile& file, const policy::PolicySpec& spec,
                                        std::uint32_t frames) {
  policy::Setup setup;
  setup.ids = file.ids_below();
  setup.frames = frames;
  setup.values = spec.values;
  PW_CHECK(setup.ids != 0);
  Result<StreamedPlay> result = fail(Errno::Invalid, "there is no policy " + spec.name);
  policy::Everything::for_each([&]<class P>() {
    if constexpr (P::kNeeds != policy::Needs::Future) {
      if (spec.name != P::kName) return;
      PlayingSink<P> sink(setup);
      Result<Streamed> input = file.stream(sink);
      if (input) {
        result = StreamedPlay{std::move(*input), sink.played()};
      } else {
        result = tl::unexpected(std::move(input.error()));
      }
    } else {
      PW_CHECK(spec.name != P::kName);
    }
  });
  return result;
}

bool can_sweep_while_reading(const InputFile& file, const SweepOptions& options) {
  return options.policies.size() == 1 && options.sizes.size() == 1 && !options.sample &&
         !in_one_pass(options.policies[0].name) && !needs_future(options.policies[0].name) &&
         file.ids_below() != 0;
}

Result<StreamedSweep> sweep_while_reading(InputFile& file, const SweepOptions& options) {
  PW_CHECK(can_sweep_while_reading(file, options));
  const policy::PolicySpec& spec = options.policies[0];
  const std::uint64_t pages = options.sizes[0];
  Result<StreamedPlay> play = play_while_reading(file, spec, frames_for(pages, 1));
  if (!play) return tl::unexpected(std::move(play.error()));
  StreamedSweep result;
  result.sweep.cold = play->input.ids;
  result.sweep.curves.push_back({spec, {point_of(pages, play->played, 1)}, {}});
  result.input = std::move(play->input);
  return result;
}

}  // namespace pw::analysis
