#include "phonemizer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/scope_exit.hpp"

extern char** environ;

namespace prot::tts {
namespace {

constexpr int kAnswerWithinMs = 3000;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    while (!line.empty() && line.front() == ' ') line.erase(line.begin());
    while (!line.empty() && line.back() == ' ') line.pop_back();
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

// "(fr)" and the like: a change of language, no sound.
std::string without_language_marks(std::string line) {
  for (std::size_t open = line.find('('); open != std::string::npos; open = line.find('(')) {
    const std::size_t close = line.find(')', open);
    line.erase(open, close == std::string::npos ? std::string::npos : close - open + 1);
  }
  return line;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("cannot write to espeak-ng");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    const int n = ::poll(&ready, 1, kAnswerWithinMs);
    if (n == 0) throw Error("espeak-ng does not answer");
    if (n < 0 && errno == EINTR) continue;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) throw errno_error("cannot read from espeak-ng");
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Phonemizer::Phonemizer(std::string voice) : voice_(std::move(voice)) {}

Phonemizer::~Phonemizer() { end(waiting_); }

void Phonemizer::start() {
  if (phonemes({"a"}).at(0).empty()) throw Error("espeak-ng has no voice '" + voice_ + "'");
}

Phonemizer::Process Phonemizer::spawn() const {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Process process;
  process.input = std::move(in.write);
  process.output = std::move(out.read);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const ScopeExit destroy_actions([&] { posix_spawn_file_actions_destroy(&actions); });
  posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const ScopeExit destroy_attributes([&] { posix_spawnattr_destroy(&attributes); });
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::array<std::string, 5> words{"espeak-ng", "-q", "--ipa", "-v", voice_};
  std::array<char*, 6> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  const int error = ::posix_spawnp(&process.pid, argv[0], &actions, &attributes, argv.data(), environ);
  if (error != 0) throw errno_error("cannot start espeak-ng (apt-get install espeak-ng)", error);
  return process;
}

void Phonemizer::end(Process& process) noexcept {
  if (process.pid < 0) return;
  process.input.reset();
  process.output.reset();
  ::kill(process.pid, SIGKILL);  // it has given its answer or never will
  while (::waitpid(process.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  process.pid = -1;
}

std::string Phonemizer::talk(const std::string& text) {
  Process process = waiting_.pid >= 0 ? std::exchange(waiting_, {}) : spawn();
  const ScopeExit reap([&] { end(process); });
  write_all(process.input.get(), text);
  process.input.reset();
  std::string answer = read_all(process.output.get());
  waiting_ = spawn();
  return answer;
}

std::vector<std::string> Phonemizer::phonemes(const std::vector<std::string>& clauses) {
  std::string text;
  for (const std::string& clause : clauses) text += clause + "\n";
  std::string answer;
  try {
    answer = talk(text);
  } catch (const Error&) {
    answer = talk(text);  // the one that waited may have been killed meanwhile: a fresh one decides
  }
  std::vector<std::string> lines = lines_of(answer);
  if (lines.size() != clauses.size() && clauses.size() > 1) {
    // It has broken a clause in two, so the lines do not match: one by one.
    lines.clear();
    for (const std::string& clause : clauses) lines.push_back(phonemes({clause}).at(0));
    return lines;
  }
  std::string joined;
  if (clauses.size() == 1) {
    for (const std::string& line : lines)
      if (!line.empty()) joined += (joined.empty() ? "" : " ") + line;
    lines.assign(1, joined);
  }
  for (std::string& line : lines) line = without_language_marks(std::move(line));
  return lines;
}

}  // namespace prot::tts
