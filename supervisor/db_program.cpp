#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/error.hpp"
#include "cluster_orphans.hpp"
#include "cluster_setup.hpp"
#include "programs.hpp"
#include "socket_probe.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr const char* kDatabase = "prot";
// Some seconds: what a server that was killed has left may still be busy with the disk.
constexpr unsigned kStartAttempts = 9;

// What a PostgreSQL server says to a client's first message: 'R' - welcome; 'E' - an error with its code.
SocketProbe::Answer judge_welcome(std::string_view answer) {
  if (answer.empty()) return SocketProbe::Answer::kNotYet;
  if (answer[0] == 'R') return SocketProbe::Answer::kReady;
  if (answer.find("C3D000") != std::string_view::npos)
    throw Error("db: the cluster has no database 'prot'; create it, or set db.folder to an empty folder", 2);
  if (answer.find("C28000") != std::string_view::npos)
    throw Error("db: the cluster does not let role 'prot' in: see prot_hba.conf in it, or set db.folder", 2);
  return SocketProbe::Answer::kNotYet;  // 57P03: it is starting up
}

// The overloads that throw say neither who asks nor about what.
void check_look(const fs::path& path, const std::error_code& error) {
  if (error) throw Error("db: cannot look at " + path.string() + ": " + error.message(), 2);
}

bool is_there(const fs::path& path) {
  std::error_code error;
  const bool there = fs::exists(path, error);
  check_look(path, error);
  return there;
}

bool holds_nothing(const fs::path& folder) {
  std::error_code error;
  const bool empty = fs::is_empty(folder, error);
  check_look(folder, error);
  return empty;
}

std::string first_message() {
  std::string body;
  const auto append = [&](std::string_view text) {
    body.append(text);
    body.push_back('\0');
  };
  body.append("\x00\x03\x00\x00", 4);  // protocol 3.0
  for (const std::string_view text : {"user", "prot", "database", kDatabase, ""}) append(text);
  std::string message;
  const auto length = static_cast<std::uint32_t>(body.size() + 4);
  for (const int shift : {24, 16, 8, 0}) message.push_back(static_cast<char>((length >> shift) & 0xFFU));
  return message + body;
}

struct User {
  uid_t id = 0;
  gid_t group = 0;
  std::string name;
};

bool find_user(const std::string& name, User& user) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return false;
  user = {entry->pw_uid, entry->pw_gid, name};
  return true;
}

// May `user` go through every folder on the way to `path`?
bool can_reach(const fs::path& path, const User& user) {
  for (fs::path folder = path; folder != folder.root_path(); folder = folder.parent_path()) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) continue;  // not made yet
    const unsigned bit = info.st_uid == user.id ? S_IXUSR : info.st_gid == user.group ? S_IXGRP : S_IXOTH;
    if ((info.st_mode & bit) == 0) return false;
  }
  return true;
}

void make_folder_of(const fs::path& path, const User& user, bool change) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) throw Error("db: cannot make folder " + path.parent_path().string() + ": " + error.message());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw errno_error("db: cannot make folder " + path.string());
  if (change && ::lchown(path.c_str(), user.id, user.group) != 0)
    throw errno_error("db: cannot hand over folder " + path.string());
}

/// The private PostgreSQL cluster. It refuses to run as root: then it runs as the system user db.user.
/// A new cluster is made under another name and gets its final one when it is whole; an older one is set up
/// (cluster_setup.hpp) before its server runs.
class DbLauncher final : public Launcher {
 public:
  explicit DbLauncher(const RunContext& run)
      : run_(&run),
        as_root_(::geteuid() == 0),
        folder_(cluster_folder(run.config, run.paths)),
        new_folder_(folder_.string() + ".new"),
        socket_folder_(run.paths.runtime / "db"),
        probe_((socket_folder_ / ".s.PGSQL.5432").string(), first_message(), std::string("X\0\0\0\4", 5),
               judge_welcome) {}

  Launch next(bool begin, std::uint32_t generation) override {
    (void)generation;
    if (begin) {
      programs_ = find_postgres(run_->config, folder_);
      step_ = Step::kUser;
      probe_.reset();
    }
    if (step_ == Step::kUser) {
      step_ = Step::kFolder;
      const std::string name = run_->config.get_string("db.user");
      if (as_root_ && !find_user(name, user_)) return add_user(name);
    }
    if (step_ == Step::kFolder) {
      prepare_folders();
      step_ = is_there(folder_ / "PG_VERSION") ? Step::kOld : Step::kInit;
    }
    if (step_ == Step::kInit) {
      step_ = Step::kCreate;
      return make_cluster();
    }
    if (step_ == Step::kCreate) {
      step_ = Step::kSetup;
      return create_database();
    }
    if (step_ == Step::kSetup) {
      step_ = Step::kRename;
      return set_up(new_folder_);
    }
    if (step_ == Step::kRename) {
      check_setup(setup_of(new_folder_));
      std::error_code error;
      fs::rename(new_folder_, folder_, error);
      if (error) throw Error("db: cannot rename " + new_folder_.string() + ": " + error.message());
      step_ = Step::kServer;
    }
    if (step_ == Step::kServer) check_setup(setup_of(folder_));
    end_cluster_orphans(folder_);
    drop_locks_of_the_dead(folder_, real_socket_folder_);
    if (std::exchange(step_, Step::kServer) == Step::kOld && needs_setup(setup_of(folder_)))
      return set_up(folder_);
    return server();
  }
  [[nodiscard]] bool says_ready() const override { return false; }
  Probe probe(Nanos now) override {
    (void)now;
    return probe_.ask();
  }
  [[nodiscard]] Nanos probe_interval() const override { return 10 * kMillisecond; }
  [[nodiscard]] bool exit_code_names_config() const override { return false; }
  [[nodiscard]] unsigned start_attempts() const override { return kStartAttempts; }
  [[nodiscard]] Nanos start_deadline() const override { return 60 * kSecond; }
  // Fast shutdown (TERM waits for clients), immediate shutdown; only then the end that leaves a recovery.
  [[nodiscard]] StopSteps stop_steps() const override {
    return {{SIGINT, 20 * kSecond}, {SIGQUIT, 3 * kSecond}, {SIGKILL, kSecond}};
  }
  [[nodiscard]] Nanos watchdog() const override { return 0; }

 private:
  enum class Step { kUser, kFolder, kInit, kCreate, kSetup, kRename, kOld, kServer };

  Launch helper(const std::string& what, const std::string& path, std::vector<std::string> argv) const {
    Launch launch;
    launch.what = what;
    launch.helper = true;
    launch.request.path = path;
    launch.request.argv = std::move(argv);
    launch.request.environment = child_environment(run_->config);
    return launch;
  }

  void as_user(SpawnRequest& request) const {
    request.folder = "/";
    request.no_new_privs = true;
    request.change_user = as_root_;
    request.user = user_.id;
    request.group = user_.group;
  }

  Launch add_user(const std::string& name) const {
    for (const char* path : {"/usr/sbin/useradd", "/sbin/useradd"})
      if (::access(path, X_OK) == 0)
        return helper("useradd", path,
                      {"useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
                       "/nonexistent", "--shell", "/usr/sbin/nologin", name});
    throw Error("db: there is no system user '" + name + "' and no useradd to make it; set db.user", 2);
  }

  void prepare_folders() {
    if (!as_root_) {
      user_ = {::geteuid(), ::getegid(), "you"};
    } else if (!find_user(run_->config.get_string("db.user"), user_)) {
      throw Error("db: there is no system user '" + run_->config.get_string("db.user") + "'", 2);
    }
    struct stat info {};
    if (::stat(folder_.c_str(), &info) == 0 && info.st_uid != user_.id)
      throw Error(fmt::format("db: folder {} belongs to user {}, not to {}: set db.folder to another one, or "
                              "give it to {}",
                              folder_.string(), info.st_uid, user_.name, user_.name),
                  2);
    if (!is_there(folder_ / "PG_VERSION") && is_there(folder_) && !holds_nothing(folder_))
      throw Error("db: folder " + folder_.string() + " is neither empty nor a cluster; set db.folder", 2);
    if (as_root_) {
      std::error_code error;
      fs::create_directories(folder_.parent_path(), error);
      if (!can_reach(folder_.parent_path(), user_))
        throw Error("db: user " + user_.name + " cannot enter " + folder_.parent_path().string() +
                        ": set db.folder to a folder that it can reach",
                    2);
    }
    prepare_socket_folder();
  }

  // Clients find the socket in the runtime folder; where the database's user cannot go there, that is a link.
  void prepare_socket_folder() {
    std::error_code error;
    const fs::file_type type = fs::symlink_status(socket_folder_, error).type();
    if (type == fs::file_type::none) check_look(socket_folder_, error);
    if (!as_root_ || can_reach(run_->paths.runtime, user_)) {
      if (type == fs::file_type::symlink) fs::remove(socket_folder_, error);
      make_folder_of(socket_folder_, user_, as_root_);
      real_socket_folder_ = socket_folder_;
      return;
    }
    real_socket_folder_ = folder_.parent_path() / "socket";
    make_folder_of(real_socket_folder_, user_, true);
    fs::remove_all(socket_folder_, error);
    fs::create_directory_symlink(real_socket_folder_, socket_folder_, error);
    if (error) throw Error("db: cannot make " + socket_folder_.string() + ": " + error.message());
  }

  // PostgreSQL's programs find each other by the path in argv[0]. Its own pg_hba.conf, which trusts, is for
  // pg_upgrade: the server of prot has another one.
  Launch make_cluster() {
    std::error_code error;
    fs::remove_all(new_folder_, error);  // of a start that was broken off
    make_folder_of(new_folder_, user_, as_root_);
    if (is_there(folder_)) fs::remove(folder_, error);  // empty
    Launch launch = helper("initdb", programs_ + "/initdb",
                           {programs_ + "/initdb", "-D", new_folder_.string(), "-E", "UTF8",
                            "--locale=C.UTF-8", "-U", kClusterAdmin, "--auth=trust"});
    as_user(launch.request);
    return launch;
  }

  // Without a socket, and as the superuser.
  Launch single(const std::string& what, const fs::path& cluster, const char* database) const {
    Launch launch = helper(what, programs_ + "/postgres",
                           {programs_ + "/postgres", "--single", "-D", cluster.string(), "-c",
                            "log_min_error_statement=panic", database});
    as_user(launch.request);
    return launch;
  }

  Launch create_database() const {
    Launch launch = single("create database", new_folder_, "postgres");
    launch.request.input = fmt::format("CREATE DATABASE {}\n", kDatabase);
    return launch;
  }

  [[nodiscard]] ClusterSetup setup_of(const fs::path& cluster) const {
    return {cluster, programs_, run_->config.get_bool("memory.pgvector")};
  }

  Launch set_up(const fs::path& cluster) const {
    Launch launch = single("set up", cluster, kDatabase);
    launch.request.input = setup_statements(setup_of(cluster));
    return launch;
  }

  Launch server() const {
    Launch launch;
    launch.what = "postgres";
    SpawnRequest& request = launch.request;
    request.path = programs_ + "/postgres";
    request.argv = {request.path, "-D", folder_.string(), "-k", real_socket_folder_.string()};
    request.argv.insert(request.argv.end(), {"-c", "hba_file=" + access_file(folder_).string()});
    for (const char* setting :
         {"listen_addresses=", "port=5432", "unix_socket_permissions=0700", "shared_buffers=8MB",
          "max_connections=8", "superuser_reserved_connections=0", "wal_level=minimal", "max_wal_senders=0",
          "max_worker_processes=0", "max_logical_replication_workers=0", "max_parallel_workers=0",
          "autovacuum_max_workers=1", "min_wal_size=32MB", "max_wal_size=128MB", "jit=off",
          "logging_collector=off", "log_destination=stderr",
          // Its log quotes neither statements nor rows.
          "log_error_verbosity=terse", "log_min_error_statement=panic"}) {
      request.argv.emplace_back("-c");
      request.argv.emplace_back(setting);
    }
    request.environment = child_environment(run_->config);
    request.parent_death_signal = SIGINT;  // the postmaster must tell its own children
    as_user(request);
    return launch;
  }

  const RunContext* run_;
  bool as_root_;
  fs::path folder_;
  fs::path new_folder_;
  fs::path socket_folder_;
  fs::path real_socket_folder_;
  SocketProbe probe_;
  std::string programs_;
  User user_;
  Step step_ = Step::kUser;
};

}  // namespace

namespace {

/// "15" of a cluster that a PostgreSQL 15 has made; empty: there is none.
std::string version_of(const fs::path& cluster) {
  std::string version;
  std::ifstream(cluster / "PG_VERSION") >> version;
  return version;
}

}  // namespace

std::string find_postgres(const stage::Config& config, const fs::path& cluster) {
  const std::string& configured = config.get_string("db.program_folder");
  std::vector<fs::path> folders;
  if (!configured.empty()) {
    folders.emplace_back(configured);
  } else {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error))
      folders.push_back(entry.path() / "bin");
    std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
      return std::atoi(a.parent_path().filename().c_str()) > std::atoi(b.parent_path().filename().c_str());
    });
  }
  std::erase_if(folders, [](const fs::path& folder) {
    return ::access((folder / "postgres").c_str(), X_OK) != 0 ||
           ::access((folder / "initdb").c_str(), X_OK) != 0;
  });
  if (folders.empty())
    throw Error(configured.empty()
                    ? "db: PostgreSQL is not installed: ./run installs it; or set memory.database_url or "
                      "db.program_folder"
                    : "db: no postgres and initdb in db.program_folder = " + configured,
                2);
  const std::string wanted = version_of(cluster);
  if (wanted.empty() || !configured.empty()) return folders.front().string();
  // No other one reads it: a newer PostgreSQL that comes beside the old one must not take its place.
  const auto fits = std::find_if(folders.begin(), folders.end(), [&](const fs::path& folder) {
    return folder.parent_path().filename() == wanted;
  });
  if (fits == folders.end())
    throw Error("db: " + cluster.string() + " is a cluster of PostgreSQL " + wanted + ", and " +
                    folders.front().parent_path().filename().string() + " is installed: install postgresql-" +
                    wanted + ", or bring it forward with pg_upgrade",
                2);
  return fits->string();
}

fs::path cluster_folder(const stage::Config& config, const InstancePaths& paths) {
  const std::string& configured = config.get_string("db.folder");
  if (!configured.empty()) return configured;
  // root's home is closed to the database's user.
  if (::geteuid() == 0 && std::getenv("XDG_STATE_HOME") == nullptr)
    return fs::path("/var/lib/prot") / paths.instance / "db";
  return paths.state / "db";
}

std::unique_ptr<Launcher> make_db_launcher(const RunContext& run) {
  return std::make_unique<DbLauncher>(run);
}

}  // namespace prot::supervisor
