// SPDX-License-Identifier: Apache-2.0
//
// The built-in programs for symbols, slab caches, cgroups and DMA buffers against /proc and /sys.
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <map>
#include <sstream>
#include <tuple>

#include "tests/kernel/compare.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;
using base::UniqueFd;

// --- ksym ------------------------------------------------------------------------------------

class KsymTest : public MountTest {};

TEST_F(KsymTest, IsTheFileInProc) {
  sh("mkdir $M/ksym/k");
  // They are long: a difference is better shown by its first line.
  std::vector<std::string> ours, theirs;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ours = lines_of(read_file(path("ksym/k")));
    theirs = lines_of(read_file("/proc/kallsyms"));
    if (ours == theirs) break;
  }
  EXPECT_GT(theirs.size(), 10000u);
  EXPECT_NE(theirs.front().find_first_not_of("0 "), std::string::npos);
  EXPECT_EQ(ours.size(), theirs.size());
  const auto [our, their] = std::ranges::mismatch(ours, theirs);
  if (our != ours.end() && their != theirs.end()) {
    EXPECT_EQ(*our, *their);
  }
}

// --- kmem_cache ------------------------------------------------------------------------------

// A cache: name, objects, slabs, bytes of an object, objects and pages of a slab.
using Cache = std::array<std::string, 6>;

std::vector<Cache> caches_in_proc() {
  std::vector<Cache> caches;
  const auto lines = lines_of(read_file("/proc/slabinfo"));
  for (std::size_t at = 2; at < lines.size(); ++at) {
    std::string skipped;
    Cache cache;
    auto& [name, objects, slabs, size, per_slab, pages] = cache;
    std::istringstream cells(lines[at]);
    cells >> name >> skipped >> objects >> size >> per_slab >> pages;
    // : tunables N N N : slabdata N
    for (int i = 0; i < 8; ++i) cells >> skipped;
    cells >> slabs;
    caches.push_back(cache);
  }
  return caches;
}

class KmemCacheTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!fs::exists(path("kmem_cache"))) GTEST_SKIP() << "this kernel cannot iterate slab caches";
    if (!fs::exists("/proc/slabinfo")) GTEST_SKIP() << "this kernel has no /proc/slabinfo";
    sh("mkdir $M/kmem_cache/k");
  }
};

TEST_F(KmemCacheTest, AgreesWithSlabinfoOnEveryCache) {
  std::vector<Cache> before, ours, after;
  std::vector<std::string> different;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before = caches_in_proc();
    ours.clear();
    for (const auto& line : lines_of(read_file(path("kmem_cache/k")))) {
      std::string skipped;
      Cache cache;
      auto& [name, objects, slabs, size, per_slab, pages] = cache;
      std::istringstream cells(line);
      cells >> name >> objects >> slabs >> size >> skipped >> skipped >> per_slab >> pages;
      if (name != "NAME") ours.push_back(cache);
    }
    after = caches_in_proc();
    different.clear();
    if (ours.size() != before.size() || ours.size() != after.size()) continue;
    for (std::size_t at = 0; at < ours.size(); ++at) {
      if (before[at] == after[at] && ours[at] != before[at])
        different.push_back(testing::PrintToString(ours[at]) + " not " +
                            testing::PrintToString(before[at]));
    }
    if (different.empty()) break;
  }
  EXPECT_GT(before.size(), 50u);
  EXPECT_EQ(ours.size(), before.size());
  EXPECT_EQ(different, std::vector<std::string>());
  const auto used = [](const Cache& cache) { return cache[1] != "0" && cache[2] != "0"; };
  EXPECT_GT(std::ranges::count_if(ours, used), 50);
}

TEST_F(KmemCacheTest, AgreesWithSysfsOnSizeAndAlignment) {
  if (!fs::exists("/sys/kernel/slab")) GTEST_SKIP() << "this kernel shows no caches in sysfs";
  std::size_t compared = 0;
  for (const auto& line : lines_of(read_file(path("kmem_cache/k")))) {
    std::string name, skipped, usable, align;
    std::istringstream cells(line);
    cells >> name >> skipped >> skipped >> skipped >> usable >> align;
    const std::string directory = "/sys/kernel/slab/" + name;
    if (!fs::exists(directory)) continue;
    EXPECT_EQ(usable + "\n", read_file(directory + "/object_size")) << name;
    EXPECT_EQ(align + "\n", read_file(directory + "/align")) << name;
    ++compared;
  }
  EXPECT_GT(compared, 50u);
}

// --- cgroup ----------------------------------------------------------------------------------

// A cgroup by its path: id, level, descendants, dying ones, whether populated and frozen.
using Cgroups = std::map<std::string, std::array<std::string, 6>>;

std::string value_of(const std::string& file, const std::string& key) {
  std::istringstream cells(read_file(file));
  for (std::string name, value; cells >> name >> value;) {
    if (name == key) return value;
  }
  return "";
}

class CgroupTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    top_ = daemon_.root() + "/cgroup2";
    ASSERT_TRUE(fs::create_directory(top_));
    if (::mount("none", top_.c_str(), "cgroup2", 0, nullptr) != 0)
      GTEST_SKIP() << "cgroup2 can't be mounted here: " << std::strerror(errno);
    own_ = top_ + "/bpfdump_test_" + std::to_string(::getpid());
    sh("mkdir $M/cgroup/c");
  }

  void TearDown() override {
    if (!own_.empty()) {
      // From the leaves up: a directory of cgroups has files that cannot be removed.
      sh("find " + own_ + " -depth -type d -exec rmdir {} + 2>/dev/null || test ! -e " + own_);
      EXPECT_EQ(::umount2(top_.c_str(), MNT_DETACH), 0);
    }
    MountTest::TearDown();
  }

  [[nodiscard]] Cgroups in_sysfs() const {
    Cgroups cgroups;
    const auto add = [&](const std::string& directory) {
      struct stat status = {};
      if (::stat(directory.c_str(), &status) != 0) return;  // removed in between
      const std::string path = directory.substr(top_.size());
      // The root has no cgroup.events: it always has processes, and can't be frozen.
      const std::string events = directory + "/cgroup.events";
      const bool root = path.empty();
      cgroups[root ? "/" : without_controls(path)] = {
          std::to_string(status.st_ino),
          std::to_string(std::count(path.begin(), path.end(), '/')),
          value_of(directory + "/cgroup.stat", "nr_descendants"),
          value_of(directory + "/cgroup.stat", "nr_dying_descendants"),
          root ? "1" : value_of(events, "populated"),
          root ? "0" : value_of(events, "frozen")};
    };
    add(top_);
    for (const auto& entry : fs::recursive_directory_iterator(top_)) {
      if (entry.is_directory()) add(entry.path());
    }
    return cgroups;
  }

  [[nodiscard]] Cgroups in_dump() const {
    Cgroups cgroups;
    for (const auto& line : lines_of(read_file(path("cgroup/c")))) {
      std::array<std::string, 6> cgroup;
      std::istringstream cells(line);
      for (auto& cell : cgroup) cells >> cell;
      cells.get();
      std::string path;
      std::getline(cells, path);
      if (cgroup[0] != "ID") cgroups[path] = cgroup;
    }
    return cgroups;
  }

  void expect_same_cgroups(std::size_t at_least) const {
    Cgroups ours, theirs;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      theirs = in_sysfs();
      ours = in_dump();
      if (ours == theirs) break;
    }
    EXPECT_EQ(ours, theirs);
    EXPECT_GE(theirs.size(), at_least);
  }

  std::string top_, own_;
};

TEST_F(CgroupTest, AgreesWithTheFilesOfEveryCgroup) {
  for (const char* const name : {"", "/full", "/full/empty", "/frozen", "/frozen/in", "/with blank",
                                 "/\x1b[31mred\x7f", "/full/empty/deep"})
    ASSERT_TRUE(fs::create_directory(own_ + name)) << name;
  const Child child([] { return ::pause(); });
  std::ofstream(own_ + "/full/cgroup.procs") << child.pid() << std::flush;
  std::ofstream(own_ + "/frozen/cgroup.freeze") << 1 << std::flush;
  ASSERT_TRUE(
      eventually([&] { return value_of(own_ + "/frozen/in/cgroup.events", "frozen") == "1"; }));
  expect_same_cgroups(9);

  const std::string name = own_.substr(top_.size());
  auto ours = in_dump();
  EXPECT_EQ(ours[name][2], "7");
  EXPECT_EQ(ours[name][4], "1");
  EXPECT_EQ(ours[name + "/full"][4], "1");
  EXPECT_EQ(ours[name + "/full/empty"][4], "0");
  EXPECT_EQ(ours[name + "/full"][5], "0");
  EXPECT_EQ(ours[name + "/frozen/in"][5], "1");
  EXPECT_TRUE(ours.contains(name + "/?[31mred?"));
}

TEST_F(CgroupTest, AgreesOnLongPaths) {
  std::string directory = own_;
  ASSERT_TRUE(fs::create_directory(directory));
  for (int depth = 0; depth < 11; ++depth) {
    directory += "/" + std::string(255, static_cast<char>('a' + depth));
    ASSERT_TRUE(fs::create_directory(directory));
  }
  expect_same_cgroups(13);
}

// --- dmabuf ----------------------------------------------------------------------------------

constexpr std::size_t kPage = 4096;

class DmabufTest : public MountTest {};

TEST_F(DmabufTest, AgreesWithFdinfo) {
  if (!fs::exists(path("dmabuf"))) GTEST_SKIP() << "this kernel cannot iterate DMA buffers";
  sh("mkdir $M/dmabuf/d");
  std::ignore = try_sh("test -e /dev/udmabuf || modprobe udmabuf");
  const UniqueFd device(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
  if (!device.valid()) {
    if (!fs::exists("/dev/dri") && !fs::exists("/dev/dma_heap")) {
      EXPECT_EQ(read_file(path("dmabuf/d")), "");
    }
    GTEST_SKIP() << "this kernel has no /dev/udmabuf to make DMA buffers with";
  }
  const UniqueFd memory(::memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(memory.get(), 16 * kPage), 0);
  ASSERT_EQ(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  std::vector<UniqueFd> buffers;
  for (const std::size_t pages : {1u, 3u, 16u}) {
    udmabuf_create request = {};
    request.memfd = static_cast<__u32>(memory.get());
    request.size = pages * kPage;
    buffers.emplace_back(::ioctl(device.get(), UDMABUF_CREATE, &request));
    ASSERT_TRUE(buffers.back().valid()) << std::strerror(errno);
  }
  ASSERT_EQ(::ioctl(buffers[1].get(), DMA_BUF_SET_NAME, "of\nours"), 0);

  std::map<std::string, std::vector<std::string>> ours;
  for (const auto& line : lines_of(read_file(path("dmabuf/d")))) {
    std::string size, flags, inode, exporter, name;
    std::istringstream cells(line);
    cells >> size >> flags >> inode >> exporter >> name;
    ours[inode] = {size, flags, exporter, name};
  }
  for (const auto& buffer : buffers) {
    std::map<std::string, std::string> info = {{"name:", "<none>"}};
    std::istringstream text(read_file("/proc/self/fdinfo/" + std::to_string(buffer.get())));
    for (std::string key, value; text >> key >> value;) info.emplace(key, value);
    const auto flags = std::stoul(info["flags:"], nullptr, 8) & ~std::size_t{O_CLOEXEC};
    std::ostringstream hexadecimal;
    hexadecimal << std::hex << std::setw(8) << std::setfill('0') << flags;
    const std::string name = &buffer == &buffers[1] ? "of?ours" : "<none>";
    EXPECT_EQ(ours[info["ino:"]], (std::vector<std::string>{info["size:"], hexadecimal.str(),
                                                            info["exp_name:"], name}));
  }
}

}  // namespace
}  // namespace bpfdump::test
