// Answers every line of its input with one line about the board of a running instance:
// NAME:PID:GENERATION:STATE: STARTED:READY for each program, clocks in nanoseconds. usage: board_probe
// SEGMENT (without its leading slash)
#include <cstdio>

#include "base/error.hpp"
#include "ipc/board.hpp"

int main(int argc, char** argv) {
  using namespace prot;
  if (argc != 2) return 2;
  try {
    const ipc::Board board = ipc::Board::open(argv[1]);
    char line[16];
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
      for (std::size_t i = 0; i < board.header().program_count; ++i) {
        const ipc::ProgramEntry& entry = board.supervisor().programs[i];
        std::printf("%s:%u:%u:%s:%llu:%llu ", board.header().programs[i], entry.pid.load(),
                    entry.generation.load(),
                    ipc::to_string(static_cast<ipc::ProgramState>(entry.state.load())),
                    static_cast<unsigned long long>(entry.started_ns.load()),
                    static_cast<unsigned long long>(entry.ready_ns.load()));
      }
      std::putchar('\n');
      std::fflush(stdout);
    }
  } catch (const Error& e) {
    std::fprintf(stderr, "board_probe: %s\n", e.what());
    return 1;
  }
  return 0;
}
