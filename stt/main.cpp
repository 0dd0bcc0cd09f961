#include "self_check.hpp"
#include "services/probe.hpp"
#include "services/socket_question.hpp"
#include "services/wyoming_question.hpp"
#include "stage/stage_runner.hpp"
#include "stt_stage.hpp"

int main(int argc, char** argv) {
  return prot::stage::run_stage(
      argc, argv, "stt", prot::stt::make_stt_stage,
      {prot::stt::check_stt,
       {},
       prot::services::service_probe("stt",
                                     {{"elevenlabs-realtime", prot::services::greet_elevenlabs_realtime},
                                      {"wyoming", prot::services::ask_wyoming}})});
}
