// The pages of an instance that does not exist: keys, types, and what is absent.
#include "report.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/scope_exit.hpp"
#include "ipc/shm_segment.hpp"
#include "json/json.hpp"
#include "playhead.hpp"
#include "tests/support/temp_folder.hpp"
#include "turn_history.hpp"

namespace prot::web {
namespace {

observe::StageRow stage(const char* name, const char* state = "ready") {
  observe::StageRow row;
  row.name = name;
  row.state = state;
  row.alive = true;
  row.pid = 42;
  row.generation = 1;
  row.rss_bytes = 1000;
  return row;
}

Report running() {
  Report report;
  report.started = true;
  report.wanted = {"brain", "memory"};
  observe::Snapshot& run = report.run.emplace();
  run.instance = "a\"b\\c";
  run.run = "r1";
  run.conversation = "active";
  run.supervisor_alive = true;
  run.turn = 7;
  run.stages = {stage("brain"), stage("memory")};
  run.stages[0].counters = {{"speech_waiting", 2}, {"turns_waiting", 3}};
  run.stages[1].counters = {{"db_up", 1},         {"jobs_ready", 4},   {"jobs_leased", 1},
                            {"db_pool_most", 10}, {"db_pool_size", 3}, {"db_pool_free", 2}};
  observe::RingRow ring;
  ring.name = "turns";
  ring.producer.name = "brain";
  ring.consumer.name = "memory";
  ring.used_frames = 6;
  ring.capacity_bytes = 1024;
  ring.lag_ns = 1500 * kMillisecond;
  run.rings = {ring};
  ProgramFacts& facts = report.programs["brain"];
  facts.handles = {3, 20};
  run.stages[0].timers = 2;
  facts.cpu_ns = 2500 * kMillisecond;
  facts.last_errors = {{"2026-01-02T03:04:05Z", "error", "what \"went\" wrong"}, {"t", "warn", "older"}};
  return report;
}

}  // namespace

TEST_CASE("before the conversation has begun every page of the original says so") {
  for (const Report& report : {Report{}, [] {
                                 Report early = running();
                                 early.started = false;
                                 return early;
                               }()}) {
    for (const std::string& page : {health_page(report), state_page(report), diagnostics_page(report)})
      CHECK(page == R"({"status":"not_started"})");
    CHECK_FALSE(is_ready(report));
  }
}

TEST_CASE("the conversation has begun when brain was ready, not when it was started again") {
  observe::Snapshot run;
  CHECK_FALSE(conversation_began(run));
  run.stages = {stage("brain", "starting")};
  run.stages[0].generation = 5;  // it dies at each start
  CHECK_FALSE(conversation_began(run));
  run.stages[0].state = "ready";
  CHECK(conversation_began(run));
  run.stages = {stage("brain", "backoff"), stage("capture")};
  CHECK(conversation_began(run));
}

TEST_CASE("diagnostics has the original's keys with the original's types") {
  const json::Document page = json::parse(diagnostics_page(running()));
  CHECK(page.get("state").as_string() == "active");
  REQUIRE(page.get("background_tasks").is_number());
  CHECK(page.get("background_tasks").as_int(-1) == 5);
  REQUIRE(page.get("active_timeout").is_bool());
  CHECK(page.get("active_timeout").as_bool());
  REQUIRE(page.get("asyncio_tasks").is_number());
  CHECK(page.get("asyncio_tasks").as_int(-1) == 5 + 2 + 3 + 6);
  CHECK(page.get("db_pool_size").as_int(-1) == 3);
  CHECK(page.get("db_pool_free").as_int(-1) == 2);
  Report other = running();
  other.run->conversation = "idle";
  other.run->stages[1].counters = {{"db_up", 1}, {"db_pool_most", 0}, {"db_pool_size", 0}};  // no database
  const json::Document without = json::parse(diagnostics_page(other));
  CHECK_FALSE(without.get("active_timeout").as_bool(true));
  CHECK(without.get("background_tasks").as_int(-1) == 0);
  CHECK_FALSE(without.get("db_pool_size"));
  CHECK_FALSE(without.get("db_pool_free"));
}

TEST_CASE("diagnostics has what each stage holds, and null for what nobody can know") {
  const json::Document page = json::parse(diagnostics_page(running()));
  const json::View brain = page.get("stages").at(0);
  CHECK(brain.get("threads").as_int() == 3);
  CHECK(brain.get("descriptors").as_int() == 20);
  CHECK(brain.get("timers").as_int() == 2);
  CHECK(brain.get("cpu_ms").as_int() == 2500);
  CHECK(brain.get("last_errors").size() == 2);
  CHECK(brain.get("last_errors").at(0).get("message").as_string() == "what \"went\" wrong");
  CHECK(brain.get("counters").get("speech_waiting").as_int() == 2);
  const json::View memory = page.get("stages").at(1);
  CHECK(memory.get("queue_depth").as_int(-1) == 6);
  CHECK(memory.get("rings").get("turns").get("end").as_string() == "reads");
  CHECK(memory.get("rings").get("turns").get("used_frames").as_int() == 6);
  CHECK(memory.get("pool").get("size").as_int() == 3);
  CHECK(memory.get("pool").get("free").as_int() == 2);
  CHECK(brain.get("rings").get("turns").get("end").as_string() == "writes");
  CHECK(brain.get("pool").is_null());
  CHECK(memory.get("threads").is_null());
  CHECK(memory.get("last_errors").is_array());
  CHECK(memory.get("last_errors").size() == 0);
  CHECK(page.get("rings").at(0).get("lag_ms").as_int() == 1500);
  CHECK(page.get("rings").at(0).get("p99_lag_ms").is_null());
}

TEST_CASE("ready names who is missing, but not prot-web itself") {
  Report report = running();
  CHECK(is_ready(report));
  CHECK(ready_page(report) == R"({"ready":true,"missing":[]})");
  report.run->stages.push_back(stage("web", "starting"));
  CHECK(is_ready(report));
  report.run->stages[0].state = "backoff";
  CHECK_FALSE(is_ready(report));
  CHECK(ready_page(report) == R"({"ready":false,"missing":["brain"]})");
  report = running();
  report.wanted.push_back("capture");  // it waits for the others, and was not started yet
  CHECK_FALSE(is_ready(report));
  CHECK(ready_page(report) == R"({"ready":false,"missing":["capture"]})");
  report = running();
  report.run->supervisor_alive = false;
  CHECK_FALSE(is_ready(report));
  CHECK(health_page(report) == R"({"status":"dead","state":"active"})");
  CHECK_FALSE(is_alive(report));
  report.run->supervisor_alive = true;
  report.run->supervisor_heartbeat_age_ns = 10 * kSecond;
  CHECK(health_page(report) == R"({"status":"ok","state":"active"})");
  CHECK(is_alive(report));
  CHECK(is_ready(report));
  ++report.run->supervisor_heartbeat_age_ns;
  CHECK(health_page(report) == R"({"status":"hangs","state":"active"})");
  CHECK_FALSE(is_alive(report));
  CHECK_FALSE(is_ready(report));
  CHECK(ready_page(report) == R"({"ready":false,"missing":["supervisor"]})");
  CHECK(metrics_page(report).find("prot_supervisor_heartbeat_age_seconds 10.000000001\n") !=
        std::string::npos);
}

TEST_CASE(
    "a supervisor that hangs before the conversation has begun is told, and nothing to read is no death") {
  CHECK(is_alive(Report{}));
  Report report = running();
  report.started = false;
  report.run->conversation = "idle";
  report.run->supervisor_heartbeat_age_ns = 11 * kSecond;
  CHECK(health_page(report) == R"({"status":"hangs","state":"idle"})");
}

TEST_CASE("metrics escape what they quote, and are there before the conversation is") {
  const std::string page = metrics_page(running());
  CHECK(page.find(R"(prot_run_info{instance="a\"b\\c",run="r1"} 1)") != std::string::npos);
  CHECK(page.find("prot_stage_cpu_seconds_total{stage=\"brain\"} 2.5\n") != std::string::npos);
  CHECK(page.find("prot_stage_threads{stage=\"memory\"}") == std::string::npos);  // not known: no sample
  CHECK(page.find("prot_conversation_state{state=\"active\"} 1\n") != std::string::npos);
  CHECK(metrics_page({}).find("prot_started 0\n") != std::string::npos);
}

TEST_CASE("the last errors of a log are found behind long lines, newest first, and half a line is none") {
  const prot::test::TempFolder folder;
  const std::filesystem::path log = folder.path() / "stt.log";
  CHECK(last_errors(folder.path(), "stt").empty());
  std::ofstream file(log);
  file << R"({"ts":"t1","level":"error","msg":"old"})"
       << "\n";
  for (int i = 0; i < 1000; ++i)
    file << R"({"ts":"t","level":"info","msg":"an \"error\" of others )" << i << "\"}\n";
  file.flush();
  CHECK(last_errors(folder.path(), "stt").empty());  // too long ago
  for (int i = 0; i < 7; ++i) file << R"({"ts":"t2","level":"error","msg":"error )" << i << "\"}\n";
  file << R"({"ts":"t3","level":"warn","msg":"newest"})"
       << "\n"
       << R"({"ts":"t4","level":"error","msg":"hal)";
  file.flush();
  const std::vector<LoggedError> found = last_errors(folder.path(), "stt");
  REQUIRE(found.size() == kMostErrors);
  CHECK(found[0].message == "newest");
  CHECK(found[0].level == "warn");
  CHECK(found[0].at == "t3");
  CHECK(found[1].message == "error 6");
  CHECK(found[4].message == "error 3");
}

TEST_CASE("the last voice turns are told as they were written, oldest first, without what is damaged") {
  const prot::test::TempFolder folder;
  const std::filesystem::path path = folder.path() / "turns.jsonl";
  CHECK(turn_history(path) == "[]");
  std::ofstream file(path);
  for (int i = 0; i < 20; ++i)
    file << R"({"type":"turn","turn":)" << i << R"(,"heard":"가"})"
         << "\n";
  file << R"({"type":"other"})"
       << "\n"
       << R"({"type":"turn","turn":99,"hea)";
  file.flush();
  const json::Document turns = json::parse(turn_history(path, 5));
  REQUIRE(turns.root().size() == 3);
  CHECK(turns.root().at(0).get("turn").as_int() == 17);
  CHECK(turns.root().at(2).get("heard").as_string() == "가");
}

TEST_CASE(
    "the playhead tells where the loudspeaker is when it has moved, and asks for time only while prot "
    "speaks") {
  const std::string instance = "web" + std::to_string(::getpid());
  const std::string name = ipc::segment_name(instance, "r", "board");
  const ScopeExit remove([&] { ipc::unlink_segment(name); });
  const ipc::Board made = ipc::Board::create(instance, "r", {"brain", "player", "web"});
  const ipc::Board brain = ipc::Board::open(name, "brain");
  const ipc::Board player = ipc::Board::open(name, "player");
  const ipc::Board seen = ipc::Board::open(name, "web");
  Playhead playhead(seen);
  Nanos now = kSecond;
  CHECK(playhead.look(now).empty());
  CHECK(playhead.next_deadline() == kNever);
  brain.conversation().state.store(static_cast<std::uint32_t>(ipc::ConversationState::kSpeaking));
  CHECK(playhead.next_deadline() == now + Playhead::kLookEvery);
  player.playback().turn.store(3);
  player.playback().segment.store(1);
  player.playback().bytes_heard.store(12);
  CHECK(playhead.look(now + 1).empty());  // it was looked at just now
  now += Playhead::kLookEvery;
  CHECK(playhead.look(now) == R"({"type":"spoken","turn":3,"segment":1,"bytes":12})");
  CHECK(playhead.look(now + Playhead::kLookEvery).empty());
}

TEST_CASE("what a process holds is counted, and of one that is gone nothing") {
  const auto own = static_cast<std::uint32_t>(::getpid());
  const ProcessHandles before = process_handles(own);
  REQUIRE(before.descriptors);
  REQUIRE(before.threads);
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  CHECK(*process_handles(own).descriptors == *before.descriptors + 2);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  CHECK_FALSE(process_handles(0).threads);
  CHECK_FALSE(process_handles(4'000'000'000U).descriptors);
}

}  // namespace prot::web
