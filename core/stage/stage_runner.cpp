#include "stage/stage_runner.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/crash_handler.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/stage_pulse.hpp"
#include "stage/heap_profile.hpp"
#include "stage/lifeline.hpp"
#include "stage/queue_pressure.hpp"
#include "stage/sandbox.hpp"
#include "stage/stage_log.hpp"

namespace prot::stage {
namespace {

constexpr Nanos kBelt = kSecond;  // a sleep ends after this even if nobody rings
constexpr unsigned kCyclesAPoll = 4;

struct Options {
  std::string join;
  std::string probe;
  bool check = false;
  bool devices = false;
};

// Empty when the program has answered by itself (--help, --version).
bool parse(int argc, char** argv, const char* stage, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::printf(
          "usage: prot-%s [--join INSTANCE] [--check] [--devices] [--probe NAME] [--version]\n"
          "One stage of prot; 'prot up' starts it. --join takes this stage's place in a running instance\n"
          "(under a debugger, say) until it ends. --check looks at what it needs, --devices lists devices: "
          "one\n"
          "JSON object a line, for 'prot doctor'; --probe tries one thing out, for 'prot doctor --echo'.\n",
          stage);
      return false;
    }
    if (argument == "--version") {
      std::printf("prot-%s %s\n", stage, PROT_VERSION);
      return false;
    }
    if (argument == "--check" || argument == "--devices") {
      (argument == "--check" ? options.check : options.devices) = true;
      continue;
    }
    if ((argument != "--join" && argument != "--probe") || i + 1 >= argc)
      throw UsageError("unknown option '" + std::string(argument) + "'; see --help");
    (argument == "--join" ? options.join : options.probe) = argv[++i];
  }
  return true;
}

UniqueFd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGHUP}) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block signals");
  // Ctrl-C goes to the debugger first, which never sees what a signalfd takes.
  struct sigaction as_term {};
  as_term.sa_handler = [](int) { static_cast<void>(::kill(::getpid(), SIGTERM)); };
  as_term.sa_flags = SA_RESTART;
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  if (::sigaction(SIGINT, &as_term, nullptr) != 0 || ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr) != 0)
    throw errno_error("cannot take SIGINT");
  std::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw errno_error("cannot make a signalfd");
  return fd;
}

void add(ipc::Word& word, Nanos value) noexcept {
  word.store(word.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(value),
             std::memory_order_relaxed);
}

/// READY=1, once, as soon as the stage is.
class ReadyLine {
 public:
  explicit ReadyLine(int descriptor) : descriptor_(descriptor) {}
  /// True: just now.
  bool look(const Stage& stage, const StageContext& context, Nanos now) {
    if (told_ || !stage.ready(now)) return false;
    told_ = true;
    if (descriptor_ >= 0 && ::write(descriptor_, "READY=1\n", 8) != 8)
      throw errno_error("cannot report READY");
    log_info("ready (generation {})", context.environment().generation);
    return true;
  }

 private:
  int descriptor_;
  bool told_ = false;
};

void duty_cycles(StageContext& context, Stage& stage, StageLog& log, ReadyLine& ready, HeapProfile& heap,
                 const bool& ended) {
  ipc::StagePage& page = context.page();
  const Clock& clock = context.clock();
  QueuePressure pressure(context);
  unsigned busy_cycles = 0;
  bool busy = false;
  while (!ended && !stage.finished()) {
    context.require_current();
    context.disarm();
    log.look();
    const Nanos begin = clock.now();
    if (ready.look(stage, context, begin)) heap.begin();
    page.heartbeat_ns.store(static_cast<std::uint64_t>(begin), std::memory_order_relaxed);
    const int items = stage.do_work(begin);
    context.require_current();
    const Nanos end = clock.now();
    pressure.look(end);
    add(page.loops, 1);
    add(page.work, items);
    add(page.busy_ns, end - begin);
    if (static_cast<std::uint64_t>(end - begin) > page.max_loop_ns.load(std::memory_order_relaxed))
      page.max_loop_ns.store(static_cast<std::uint64_t>(end - begin), std::memory_order_relaxed);
    if (stage.finished()) break;  // nobody would ring for it any more
    const bool was_busy = std::exchange(busy, items > 0);
    if (items > 0 || (was_busy && context.last_look()) || !context.arm()) {
      // A stage that is busy looks at its descriptors now and then, not for every frame.
      if (++busy_cycles % kCyclesAPoll == 0) context.loop().poll();
      continue;
    }
    busy_cycles = 0;
    const Nanos deadline = stage.next_deadline(end);
    ipc::fall_asleep(page);
    const bool woken = context.loop().wait(std::min(deadline, end + kBelt));
    context.require_current();  // before the first byte that is written after a sleep
    const Nanos awake = clock.now();
    ipc::wake_up(page, awake);
    context.count_wakes(!woken);
    add(page.wait_ns, awake - end);
  }
}

// No instance is needed, and none is touched.
int look_at_self(const Options& options, const SelfCheck& self_check) {
  const char* name = std::getenv("PROT_INSTANCE");
  const InstancePaths paths = instance_paths(name != nullptr && name[0] != '\0' ? name : "default");
  const Config config = config_from_process(paths);
  const CheckContext context{config, paths};
  if (!options.probe.empty()) {
    if (!self_check.probe) throw UsageError("this stage has no probe '" + options.probe + "'");
    try {
      return self_check.probe(context, options.probe);
    } catch (const UsageError&) {
      throw;
    } catch (const Error& e) {  // who asks reads stdout
      std::printf("%s\n",
                  to_json({Verdict::kFail, options.probe, full_message(e), "see: prot doctor"}).c_str());
      return e.exit_code();
    }
  }
  bool good = true;
  if (options.devices && self_check.devices)
    for (const DeviceRow& row : self_check.devices(context)) std::printf("%s\n", to_json(row).c_str());
  if (options.check && self_check.check) {
    for (const Finding& finding : self_check.check(context)) {
      std::printf("%s\n", to_json(finding).c_str());
      good = good && finding.verdict != Verdict::kFail;
    }
  }
  return good ? 0 : 1;
}

// A stage that was joined belongs to its developer, who may need what it gives up.
void give_up_rights(const StageEnvironment& environment) {
  if (!environment.ready) return;
  const bool wanted = environment.config.get_bool("supervisor.sandbox");
  const std::string done = wanted ? apply_sandbox(sandbox_policy(environment)) : "off";
  const std::string line = "SANDBOX=" + done + "\n";
  if (::write(environment.ready.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw errno_error("cannot report the sandbox");
}

void run(StageEnvironment environment, const StageFactory& factory) {
  const UniqueFd signals = block_signals();
  give_up_rights(environment);  // before the first thread: the others would keep theirs
  watch_lifeline(std::move(environment.lifeline));
  HeapProfile heap(environment);
  const SteadyClock clock;
  ReadyLine ready(environment.ready.get());
  StageContext context(std::move(environment), clock);
  StageLog log(context);
  bool ended = false;
  context.loop().watch_readable(signals.get(), [&] {
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) ended = true;
  });
  // In the order of ipc/doorbell.hpp; the rings are looked at by the duty cycle that follows. Read here, so
  // that it costs no system call when nobody rang, and is not ready any more when the loop watches it again.
  context.loop().watch_readable(context.bell().fd(), [&] {
    context.require_current();  // else it would take the wake of the one that has its place now
    context.disarm();
    context.bell().clear();
  });
  const std::unique_ptr<Stage> stage = factory(context);
  stage->start();
  try {
    duty_cycles(context, *stage, log, ready, heap, ended);
  } catch (...) {
    stage->stop();
    throw;
  }
  stage->stop();
  log_info("{}", stage->finished() ? "drained" : "ended by request");
}

}  // namespace

int run_stage(int argc, char** argv, const char* stage, const StageFactory& factory,
              const SelfCheck& self_check) {
  try {
    init_log(stage);
    install_crash_handler();
    Options options;
    if (!parse(argc, argv, stage, options)) return 0;
    if (options.check || options.devices || !options.probe.empty()) return look_at_self(options, self_check);
    StageEnvironment environment =
        options.join.empty() ? environment_from_process(stage) : join_instance(stage, options.join);
    init_log(stage, environment.config.get_string("general.log_level"));
    prepare_log(environment.config);
    run(std::move(environment), factory);
    return 0;
  } catch (const Error& e) {
    log_error("{}", full_message(e));
    return e.exit_code();
  } catch (const std::exception& e) {
    log_error("{}", full_message(e));
    return 1;
  }
}

}  // namespace prot::stage
