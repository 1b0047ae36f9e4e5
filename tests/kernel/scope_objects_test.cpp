// SPDX-License-Identifier: Apache-2.0
//
// Scopes that name a BPF map or a cgroup.
#include <bpf/bpf.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <vector>

#include "tests/kernel/scopes.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;

// --- Maps ----------------------------------------------------------------------------------------

class MapScopesTest : public ScopesTest {
 protected:
  void SetUp() override {
    ScopesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    directory_ = daemon_.pins() + "-maps";
    fs::create_directory(directory_);
    name_ = "t_" + self_;
    map_ = make_map();
    const __u32 key = 7;
    const __u64 value = 1234567890123;
    ASSERT_EQ(bpf_map_update_elem(map_.get(), &key, &value, BPF_ANY), 0) << std::strerror(errno);
    ASSERT_EQ(bpf_obj_pin(map_.get(), (directory_ + "/a-map").c_str()), 0) << std::strerror(errno);
    bpf_map_info info = {};
    __u32 size = sizeof(info);
    ASSERT_EQ(bpf_obj_get_info_by_fd(map_.get(), &info, &size), 0);
    id_ = std::to_string(info.id);
  }
  void TearDown() override {
    if (!directory_.empty()) fs::remove_all(directory_);
    ScopesTest::TearDown();
  }
  [[nodiscard]] base::UniqueFd make_map() const {
    base::UniqueFd map(
        bpf_map_create(BPF_MAP_TYPE_HASH, name_.c_str(), sizeof(__u32), sizeof(__u64), 4, nullptr));
    EXPECT_TRUE(map.valid()) << std::strerror(errno);
    return map;
  }
  // Why no dumper can be made for that map, as "errno words".
  [[nodiscard]] std::string refusal(const std::string& map) const {
    const std::string inside = "bpf_map_elem/map=" + map + "/x";
    const int code = copy("map_elem", inside);
    const std::string log = log_of(inside);
    const std::string begin = inside + " (object): failed: ";
    return std::to_string(code) + " " + log.substr(std::min(begin.size(), log.size()));
  }
  static std::string says(int code, const std::string& words) {
    return std::to_string(code) + " " + words + "\n";
  }

  std::string directory_;
  std::string name_;
  base::UniqueFd map_;
  std::string id_;
};

TEST_F(MapScopesTest, AMapIsFoundByIdNameAndPath) {
  for (const std::string& map : {id_, name_, escaped(directory_ + "/a-map")}) {
    const std::string inside = "bpf_map_elem/map=" + map + "/x";
    ASSERT_EQ(copy("map_elem", inside), 0) << map << log_of(inside);
    EXPECT_EQ(read_file(path(inside)), "7: 1234567890123\n") << map;
  }
  if (missing_program("systemd-escape").empty()) {
    EXPECT_EQ(sh("systemd-escape --path " + directory_ + "/a-map"),
              escaped(directory_ + "/a-map") + "\n");
  }
}

TEST_F(MapScopesTest, ADumperKeepsItsMapOverARestart) {
  const std::string inside = "bpf_map_elem/map=" + name_ + "/x";
  ASSERT_EQ(copy("map_elem", inside), 0);
  map_.reset();
  fs::remove(directory_ + "/a-map");
  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(read_file(path(inside)), "7: 1234567890123\n");
  restart_suddenly();
  EXPECT_EQ(read_file(path(inside)), "7: 1234567890123\n");
}

TEST_F(MapScopesTest, AMapMustBeGiven) {
  EXPECT_EQ(copy("map_elem", "bpf_map_elem/x"), EINVAL);
  EXPECT_EQ(log_of("bpf_map_elem/x"),
            "bpf_map_elem/x (object): failed: target 'bpf_map_elem' must be told map=, which is "
            "the id or name of a BPF map, or its path in bpffs as systemd-escape --path gives it; "
            "create it as bpf_map_elem/map=.../NAME\n");
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{});
}

TEST_F(MapScopesTest, SeveralMapsOfOneNameAreNoMap) {
  const base::UniqueFd other = make_map();
  const std::string why = refusal(name_);
  EXPECT_TRUE(why.starts_with(std::to_string(EINVAL) + " several BPF maps are called '" + name_ +
                              "', " + id_ + " and "))
      << why;
  EXPECT_TRUE(why.ends_with(" among them; give an id\n")) << why;
}

TEST_F(MapScopesTest, AMapThatIsNotThereIsENOENT) {
  EXPECT_EQ(refusal("4294967295"),
            says(ENOENT, "there is no BPF map 4294967295; bpftool map list shows those that are"));
  EXPECT_EQ(
      refusal("t_none_of_this"),
      says(ENOENT, "there is no BPF map 't_none_of_this'; bpftool map list shows those that are"));
  const std::string none = directory_ + "/none";
  EXPECT_EQ(refusal(escaped(none)), says(ENOENT, "there is no BPF map '" + none +
                                                     "' in a bpffs; symlinks are not followed"));
  EXPECT_EQ(
      refusal("etc-passwd"),
      says(ENOENT, "there is no BPF map '/etc/passwd' in a bpffs; symlinks are not followed"));
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{});
}

TEST_F(MapScopesTest, APinOfSomethingElseIsNoMap) {
  sh("mkdir $M/task/x");
  const std::string pin = daemon_.pins() + "/task/x";
  EXPECT_EQ(refusal(escaped(pin)), says(EINVAL, "'" + pin + "' is not a BPF map"));
}

TEST_F(MapScopesTest, SymlinksInBpffsAreNotFollowed) {
  fs::create_symlink(directory_ + "/a-map", directory_ + "/link");
  fs::create_symlink("a-map", directory_ + "/short");
  fs::create_directory_symlink(directory_, directory_ + "/up");
  for (const auto* name : {"/link", "/short", "/up/a-map"}) {
    EXPECT_EQ(refusal(escaped(directory_ + name)),
              says(ENOENT, "there is no BPF map '" + directory_ + name +
                               "' in a bpffs; symlinks are not followed"));
  }
}

TEST_F(MapScopesTest, APathIntoTheOwnMountDoesNotWaitForItself) {
  sh("mkdir $M/task/x");
  fs::create_symlink(daemon_.mount(), directory_ + "/mount");
  fs::create_directory(directory_ + "/over");
  ASSERT_EQ(
      ::mount(daemon_.mount().c_str(), (directory_ + "/over").c_str(), nullptr, MS_BIND, nullptr),
      0)
      << std::strerror(errno);
  for (const auto& map :
       {path("task/x"), directory_ + "/mount/task/x", directory_ + "/over/task/x"})
    EXPECT_EQ(refusal(escaped(map)).find(std::to_string(ENOENT) + " there is no BPF map"), 0u)
        << map;
  EXPECT_EQ(::umount2((directory_ + "/over").c_str(), MNT_DETACH), 0);
}

// --- Control groups ------------------------------------------------------------------------------

/// A chain of cgroups, /NAME/a/b.
class CgroupScopesTest : public ScopesTest {
 protected:
  void SetUp() override {
    ScopesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (look_up("cgroup") != 0) GTEST_SKIP() << "this kernel has no cgroup iterator";
    top_ = daemon_.root() + "/cgroup2";
    fs::create_directory(top_);
    if (::mount("none", top_.c_str(), "cgroup2", 0, nullptr) != 0) {
      top_.clear();
      GTEST_SKIP() << "cgroup2 can't be mounted here: " << std::strerror(errno);
    }
    name_ = "bpfdump-test-" + self_;
    fs::create_directories(top_ + "/" + name_ + "/a/b");
  }
  void TearDown() override {
    if (!top_.empty()) {
      for (const auto* inside : {"/a/b", "/a", ""}) ::rmdir((top_ + "/" + name_ + inside).c_str());
      EXPECT_EQ(::umount2(top_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
    }
    ScopesTest::TearDown();
  }
  [[nodiscard]] std::string id(const std::string& inside) const {
    struct stat status = {};
    EXPECT_EQ(::stat((top_ + "/" + name_ + inside).c_str(), &status), 0);
    return std::to_string(status.st_ino);
  }
  // The ids that the built-in program prints, in its order.
  [[nodiscard]] std::vector<std::string> ids(const std::string& scope) const {
    sh("mkdir '" + path("cgroup/" + scope) + "/x'");
    std::vector<std::string> all;
    for (const auto& line : lines_of(read_file(path("cgroup/" + scope + "/x")))) {
      std::istringstream fields(line);
      std::string first;
      fields >> first;
      if (first != "ID") all.push_back(first);
    }
    return all;
  }
  using Ids = std::vector<std::string>;

  std::string top_;
  std::string name_;
};

TEST_F(CgroupScopesTest, ACgroupIsFoundByIdAndPathInEachOrder) {
  const std::string own = id(""), a = id("/a"), b = id("/a/b");
  struct stat root = {};
  ASSERT_EQ(::stat(top_.c_str(), &root), 0);
  const std::string path_of_own = escaped(name_), path_of_a = path_of_own + "-a",
                    path_of_b = path_of_a + "-b";
  for (const auto& [top, middle, last] :
       {std::tuple{own, a, b}, {path_of_own, path_of_a, path_of_b}}) {
    EXPECT_EQ(ids("cgroup=" + top), (Ids{own, a, b}));
    EXPECT_EQ(ids("cgroup=" + middle), (Ids{a, b}));
    EXPECT_EQ(ids("cgroup=" + top + ",order=pre"), (Ids{own, a, b}));
    EXPECT_EQ(ids("order=post,cgroup=" + top), (Ids{b, a, own}));
    EXPECT_EQ(ids("cgroup=" + last + ",order=up"), (Ids{b, a, own, std::to_string(root.st_ino)}));
    EXPECT_EQ(ids("cgroup=" + middle + ",order=self"), Ids{a});
  }
  EXPECT_EQ(ids("order=self"), Ids{std::to_string(root.st_ino)}) << "the root without a name";
}

TEST_F(CgroupScopesTest, SurvivesARestart) {
  const Ids before = ids("order=post,cgroup=" + escaped(name_));
  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(column("cgroup/order=post,cgroup=" + escaped(name_) + "/x", 0),
            std::set<std::string>(before.begin(), before.end()));
  EXPECT_EQ(before.size(), 3u);
}

TEST_F(CgroupScopesTest, ACgroupThatIsNotThereIsENOENT) {
  for (const std::string cgroup : {"none", "9999999999", "none-x"}) {
    EXPECT_EQ(::mkdir(path("cgroup/cgroup=" + cgroup + "/x").c_str(), 0777), -1);
    EXPECT_EQ(errno, ENOENT) << cgroup;
  }
  EXPECT_EQ(log_of("cgroup/cgroup=none-x/x"),
            "cgroup/cgroup=none-x/x (built-in): failed: open cgroup 'none/x' below the cgroup2 "
            "root: No such file or directory\n");
  EXPECT_NE(log_of("cgroup/cgroup=9999999999/x")
                .find("attach iterator 'cgroup' with cgroup=9999999999: No such file or directory"),
            std::string::npos);
}

}  // namespace
}  // namespace bpfdump::test
