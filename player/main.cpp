#include "device_choice.hpp"
#include "player_stage.hpp"
#include "stage/stage_runner.hpp"
#include "test_sound.hpp"

int main(int argc, char** argv) {
  return prot::stage::run_stage(
      argc, argv, "player", prot::player::make_player_stage,
      {prot::player::check_player, prot::player::player_rows, prot::player::probe_player});
}
