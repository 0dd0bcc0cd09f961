#include "stage/stage_runner.hpp"
#include "web_stage.hpp"

int main(int argc, char** argv) {
  const auto make = [](prot::stage::StageContext& context) {
    return std::make_unique<prot::web::WebStage>(context);
  };
  return prot::stage::run_stage(argc, argv, "web", make);
}
