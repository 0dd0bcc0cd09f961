// prot.toml as a file: whose it is, where it is, and what it names.
#include "stage/config.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "tests/support/temp_folder.hpp"

using prot::stage::Config;

namespace {
std::string write(const prot::test::TempFolder& folder, const std::string& text) {
  const std::string path = (folder.path() / "prot.toml").string();
  std::ofstream(path) << text;
  return path;
}

std::string error_of(const std::string& file) {
  try {
    (void)Config::load(file, {});
  } catch (const prot::UsageError& e) {
    return e.what();
  }
  return "";
}
}  // namespace

TEST_CASE("a path is relative to what names it") {
  const prot::test::TempFolder folder;
  const std::string file =
      write(folder,
            "[stt]\nmodel = \"models/../a.bin\"\n[llm]\nmodel = \"/b.gguf\"\n"
            "[capture]\nsource = \"wav\"\ndevice = \"in.wav\"\n[player]\ndevice = \"hw:0\"\n");
  const Config config =
      Config::load({file, true, {}, {"brain.persona_file=me.txt", "llm.model=c.gguf"}, "/somewhere"});
  CHECK(config.get_string("stt.model") == (folder.path() / "a.bin").string());
  CHECK(config.get_string("capture.device") == (folder.path() / "in.wav").string());
  CHECK(config.get_string("player.device") == "hw:0");  // no file
  CHECK(config.get_string("brain.persona_file") == "/somewhere/me.txt");
  CHECK(config.get_string("llm.model") == "/somewhere/c.gguf");  // the override names it
  CHECK(config.get_string("tts.piper_model").empty());
  CHECK(Config::load("", {"stt.model=x.bin"}).get_string("stt.model") ==
        (std::filesystem::current_path() / "x.bin").string());
}

TEST_CASE("a file that is no text is refused in one line") {
  const prot::test::TempFolder folder;
  CHECK(error_of(write(folder, "[stt]\nmodel = \"\xff\"\n")) ==
        (folder.path() / "prot.toml").string() + ":2: is not UTF-8 text");
  CHECK(error_of(write(folder, std::string("a\0b", 3))).find(":1: is not UTF-8 text") != std::string::npos);
  CHECK(error_of(write(folder, std::string((1 << 20) + 1, '#'))).find("1 MiB") != std::string::npos);
  CHECK(error_of("/proc/self/mem").find("cannot be read") != std::string::npos);
  const std::string pipe = (folder.path() / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(error_of(pipe).find("no regular file") != std::string::npos);
  CHECK(error_of("/dev/null").empty());
  CHECK(error_of(write(folder, "\xEF\xBB\xBF[stt]\nthreads = 3\n")).empty());
}

TEST_CASE("only a file that somebody named must be there") {
  CHECK(Config::load("/nonexistent/prot.toml", {}).get_int("stt.threads") == 2);
  CHECK_THROWS_WITH((void)Config::load({.file = "/nonexistent/prot.toml", .file_required = true}),
                    "/nonexistent/prot.toml: is not there");
}

TEST_CASE("a file that others may change, or that is another user's, is not obeyed") {
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[stt]\nthreads = 1\n");
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  CHECK(error_of(file).empty());
  REQUIRE(::chmod(file.c_str(), 0666) == 0);
  CHECK(error_of(file) == file + ": is not obeyed: it may be changed by others (mode 666)");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  if (::geteuid() != 0) return;  // only root gives a file away
  REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
  CHECK(error_of(file) == file + ": is not obeyed: it belongs to user 12345, not to you");
}
