#include "stage/heap_profile.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/json.hpp"

namespace prot::stage {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMostStacks = 300;
constexpr std::size_t kMostFrames = 24;

struct Place {
  std::string module;
  std::uint64_t offset = 0;
};

Place place_of(void* address, const std::string& program) {
  dl_find_object found{};
  if (::_dl_find_object(address, &found) != 0 || found.dlfo_link_map == nullptr) return {};
  const std::string name = found.dlfo_link_map->l_name;
  // Behind the call: the call itself names the line.
  return {name.empty() ? program : name,
          reinterpret_cast<std::uintptr_t>(address) - found.dlfo_link_map->l_addr - 1};
}

bool is_allocator(const std::string& module) { return module.find("libtcmalloc") != std::string::npos; }

}  // namespace

HeapProfile::HeapProfile(const StageEnvironment& environment)
    : stage_(environment.stage),
      generation_(environment.generation),
      file_(environment.paths.runtime / "heap" / (environment.stage + ".json")) {
  if (!environment.config.get_bool("general.heap_profile")) return;
  ::unsetenv("LD_PRELOAD");
  sampler_ = HeapSampler::find();
  if (!sampler_) {
    log_warn("heap profile: there is no sampler in this process (Debian's package is libgoogle-perftools4)");
    return;
  }
  thread_ = std::thread([this] { run(); });
}

HeapProfile::~HeapProfile() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
  std::error_code error;
  fs::remove(file_, error);
}

void HeapProfile::begin() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
  }
  wake_.notify_one();
}

void HeapProfile::run() {
  ::pthread_setname_np(::pthread_self(), "heap-profile");
  Nanos write_at = 0;
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (std::exchange(begun_, false)) {
      lock.unlock();
      take_base();
      write_at = 0;
      lock.lock();
    }
    lock.unlock();
    if (sampler_->allocated() > peak_ + padding_) take_picture();  // only then: it looks at every sample
    if (const Nanos now = monotonic_now(); now >= write_at) {
      write_at = now + kWriteEvery;
      write();
    }
    lock.lock();
    wake_.wait_for(lock, std::chrono::nanoseconds(kLookEvery), [this] { return ended_ || begun_; });
  }
}

void HeapProfile::take_base() {
  sampler_->settle();
  HeapPicture picture = take_picture();
  base_ = picture.bytes;
  base_stacks_.clear();
  for (HeapStack& stack : picture.stacks) base_stacks_[std::move(stack.frames)] = stack.bytes;
}

HeapPicture HeapProfile::take_picture() {
  HeapPicture picture = sampler_->picture();
  padding_ = picture.padding;
  peak_ = std::max(peak_, picture.bytes);
  return picture;
}

// A reader has the old one or the new one.
void HeapProfile::write() {
  const fs::path partial = file_.string() + ".part";
  try {
    make_private_directory(file_.parent_path());
    const std::string content = text(monotonic_now());
    std::ofstream out(partial, std::ios::trunc | std::ios::binary);
    out << content << '\n';
    out.close();
    if (!out) throw errno_error("cannot write " + partial.string());
    fs::rename(partial, file_);
  } catch (const std::exception& error) {
    if (!std::exchange(failed_, true)) log_warn("heap profile: {}", error.what());
  }
}

std::string HeapProfile::text(Nanos now) {
  HeapPicture picture = take_picture();  // what is written takes memory too: one number from before it
  std::vector<HeapStack>& stacks = picture.stacks;
  // The base by the same measure: what did not grow has not grown.
  const double share = share_within(stacks, picture.bytes);
  const auto shared = [share](std::uint64_t bytes) {
    return static_cast<std::uint64_t>(static_cast<double>(bytes) * share);
  };
  const auto bigger = [](const HeapStack& a, const HeapStack& b) { return a.bytes > b.bytes; };
  std::sort(stacks.begin(), stacks.end(), bigger);
  stacks.resize(std::min(stacks.size(), kMostStacks));
  std::error_code error;
  const std::string program = fs::read_symlink("/proc/self/exe", error).string();
  std::vector<std::string> modules;
  json::Writer out;
  out.begin_object().member("stage", stage_).member("pid", ::getpid()).member("generation", generation_);
  out.member("at_ns", now).member("current", picture.bytes).member("peak", peak_).member("base", base_);
  out.key("stacks").begin_array();
  for (const HeapStack& stack : stacks) {
    const auto before = base_stacks_.find(stack.frames);
    out.begin_object().member("bytes", shared(stack.bytes));
    out.member("base", before != base_stacks_.end() ? shared(before->second) : 0).key("frames").begin_array();
    std::size_t shown = 0;
    for (void* const frame : stack.frames) {
      const Place place = place_of(frame, program);
      if (shown == kMostFrames || (shown == 0 && is_allocator(place.module))) continue;
      ++shown;
      auto module = std::find(modules.begin(), modules.end(), place.module);
      if (module == modules.end()) module = modules.insert(modules.end(), place.module);
      out.value(module - modules.begin()).value(place.offset);
    }
    out.end_array().end_object();
  }
  out.end_array().key("modules").begin_array();
  for (const std::string& module : modules) out.value(module);
  return out.end_array().end_object().str();
}

}  // namespace prot::stage
