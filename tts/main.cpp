#include "self_check.hpp"
#include "services/probe.hpp"
#include "services/wyoming_question.hpp"
#include "stage/stage_runner.hpp"
#include "tts_stage.hpp"

int main(int argc, char** argv) {
  return prot::stage::run_stage(
      argc, argv, "tts", prot::tts::make_tts_stage,
      {prot::tts::check_tts,
       {},
       prot::services::service_probe("tts", {{"wyoming", prot::services::ask_wyoming}})});
}
