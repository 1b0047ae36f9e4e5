// SPDX-License-Identifier: Apache-2.0
//
// The built-in program for memory mappings against /proc/<pid>/maps.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "tests/kernel/compare.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;
using base::UniqueFd;

constexpr std::size_t kPage = 4096;

// Runs `prepare` in a process of its own, which then waits; returns once it does.
Child prepared(const std::function<void()>& prepare) {
  int ends[2] = {};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd ready(ends[0]);
  UniqueFd say(ends[1]);
  Child child([&] {
    prepare();
    if (::write(say.get(), "x", 1) != 1) return 1;
    return ::pause();
  });
  say.reset();
  char byte = 0;
  EXPECT_EQ(::read(ready.get(), &byte, 1), 1) << "the process that was to be compared died";
  return child;
}

void must(bool done) {
  if (!done) std::_Exit(1);
}

void map_file(int fd, int protection, int flags, off_t offset = 0) {
  must(::mmap(nullptr, 2 * kPage, protection, flags, fd, offset) != MAP_FAILED);
}

void map_new_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(fd >= 0 && ::ftruncate(fd, 1 << 20) == 0);
  map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
}

// /proc/<pid>/maps but for the page of vsyscalls: it is the same in all processes and none's.
std::string maps_in_proc(const std::string& file) {
  std::string text = read_file(file);
  const std::size_t at = text.rfind("ffffffffff600000-");
  if (at != std::string::npos) text.erase(at);
  return text;
}

// The lines of each process, without the column that tells it.
std::map<std::string, std::string> maps_in_dump(const std::string& text) {
  std::map<std::string, std::string> maps;
  for (const auto& line : lines_of(text)) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t end = line.find(' ', begin);
    if (line.compare(begin, end - begin, "TGID") == 0) continue;
    maps[line.substr(begin, end - begin)] += line.substr(end + 1) + "\n";
  }
  return maps;
}

// What is left of an open file, which stays open.
std::string rest_of(std::ifstream& file) {
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The first line in which two texts differ, of both.
std::string first_difference(const std::string& ours, const std::string& theirs) {
  const auto our_lines = lines_of(ours), their_lines = lines_of(theirs);
  const auto [our, their] = std::ranges::mismatch(our_lines, their_lines);
  const std::string end = "(none)";
  return "\n  ours:   " + (our == our_lines.end() ? end : *our) +
         "\n  theirs: " + (their == their_lines.end() ? end : *their);
}

class TaskVmaTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) sh("mkdir $M/task_vma/v");
  }

  std::string dumped(pid_t pid) const {
    return maps_in_dump(read_file(path("task_vma/v")))[std::to_string(pid)];
  }
};

TEST_F(TaskVmaTest, AgreesWithProcOnEveryProcessThatLivesThroughBoth) {
  const Child own = prepared([] { map_file(-1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS); });
  const Child other({"/bin/sleep", "1000"}, daemon_.root() + "/errors");
  // A process that the machine guards against root is nobody's to compare.
  const auto look = [] {
    std::map<std::string, std::string> maps;
    for (const auto& process : fs::directory_iterator("/proc")) {
      const std::string name = process.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file("/proc/" + name + "/maps");
      if (file.peek() != std::ifstream::traits_type::eof())
        maps[name] = maps_in_proc("/proc/" + name + "/maps");
    }
    return maps;
  };
  std::set<std::string> agreed;
  std::string different;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto before = look();
    // Open until the second look, so that it shows the memory that the daemon takes for a reader:
    // taken after the first and given back before the second, it would be in the dump alone.
    std::ifstream dump(path("task_vma/v"), std::ios::binary);
    auto ours = maps_in_dump(rest_of(dump));
    const auto after = look();
    different.clear();
    for (const auto& [pid, maps] : before) {
      const auto again = after.find(pid);
      if (again == after.end() || again->second != maps || maps.empty()) continue;
      if (ours[pid] == maps) {
        agreed.insert(pid);
      } else {
        different += "\n" + pid + ":" + first_difference(ours[pid], maps);
      }
    }
    if (different.empty() && agreed.contains(std::to_string(other.pid()))) break;
  }
  EXPECT_TRUE(different.empty()) << different;
  EXPECT_TRUE(agreed.contains(std::to_string(own.pid())));
  EXPECT_TRUE(agreed.contains(std::to_string(other.pid())));
}

TEST_F(TaskVmaTest, OfOneProcessIsTheFileInProc) {
  const Child child({"/bin/sleep", "1000"}, daemon_.root() + "/errors");
  const std::string number = std::to_string(child.pid());
  ASSERT_TRUE(eventually([&] { return read_file("/proc/" + number + "/comm") == "sleep\n"; }));
  sh("mkdir $M/task_vma/pid=" + number + "/maps");
  // It may still be loading what it needs.
  std::string ours, theirs;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    theirs = maps_in_proc("/proc/" + number + "/maps");
    ours = read_file(path("task_vma/pid=" + number + "/maps"));
    if (ours == theirs) break;
  }
  EXPECT_NE(theirs, "");
  EXPECT_EQ(ours, theirs);
}

TEST_F(TaskVmaTest, OfTheDaemonIsTheFileInProcWhileItReads) {
  const std::string number = std::to_string(daemon_.pid());
  sh("mkdir $M/task_vma/pid=" + number + "/maps");
  std::string ours, theirs;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::ifstream dump(path("task_vma/pid=" + number + "/maps"), std::ios::binary);
    ours = rest_of(dump);
    theirs = maps_in_proc("/proc/" + number + "/maps");
    if (ours == theirs) break;
  }
  EXPECT_NE(theirs, "");
  EXPECT_EQ(ours, theirs) << first_difference(ours, theirs);
}

TEST_F(TaskVmaTest, BeginsWithOneHeader) {
  const auto lines = lines_of(read_file(path("task_vma/v")));
  const std::string header =
      "      TGID ADDRESS                   PERM OFFSET   DEV   INODE                      NAME";
  EXPECT_EQ(lines.front(), header);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), header), 1);
}

TEST_F(TaskVmaTest, AgreesWithProcOnManyKindsOfMappings) {
  const std::string directory = daemon_.root();
  const Child child = prepared([&] {
    for (const int protection : {PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC,
                                 PROT_READ | PROT_WRITE | PROT_EXEC}) {
      map_file(-1, protection, MAP_PRIVATE | MAP_ANONYMOUS);
      map_file(-1, protection, MAP_SHARED | MAP_ANONYMOUS);
    }
    must(::sbrk(1 << 20) != reinterpret_cast<void*>(-1));
    for (const char* const name :
         {"plain", "new\nline", "\n\n", "\x1b[31m\x7f\t \\012", " (deleted)"})
      map_new_file(directory + "/" + name);
    map_new_file(directory + "/gone\n");
    ::unlink((directory + "/gone\n").c_str());
    for (const std::size_t length : {1, 7, 8, 9, 200, 255})
      map_new_file(directory + "/" + std::string(length, 'n'));
    const int sparse = ::open((directory + "/sparse").c_str(), O_RDWR | O_CREAT, 0600);
    must(sparse >= 0 && ::ftruncate(sparse, 1L << 42) == 0);
    map_file(sparse, PROT_READ, MAP_PRIVATE, 1L << 41);
    const int memory = ::memfd_create("a\nb", 0);
    must(memory >= 0 && ::ftruncate(memory, 2 * kPage) == 0);
    map_file(memory, PROT_READ, MAP_SHARED);
    // Without a reservation: there may be no huge page.
    const int huge = ::memfd_create("huge", MFD_HUGETLB);
    if (huge >= 0) ::mmap(nullptr, 2 << 20, PROT_READ, MAP_SHARED | MAP_NORESERVE, huge, 0);
    const int segment = ::shmget(IPC_PRIVATE, kPage, IPC_CREAT | 0600);
    must(segment >= 0 && ::shmat(segment, nullptr, 0) != reinterpret_cast<void*>(-1));
    ::shmctl(segment, IPC_RMID, nullptr);
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    const int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t_mapped", 4, kPage, 2, &options);
    must(map >= 0);
    map_file(map, PROT_READ, MAP_SHARED);
    map_file(::open("/dev/zero", O_RDWR | O_CLOEXEC), PROT_READ, MAP_PRIVATE);
    // Only some kernels keep a name (CONFIG_ANON_VMA_NAME).
    for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
      void* const named = ::mmap(nullptr, kPage, PROT_READ, flags | MAP_ANONYMOUS, -1, 0);
      ::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, kPage, "a name of ours");
    }
  });
  const std::string expected = maps_in_proc("/proc/" + std::to_string(child.pid()) + "/maps");
  for (const char* const part :
       {"[heap]\n", "[stack]\n", "[vdso]\n", "new\\012line\n", "gone\\012 (deleted)\n", "/memfd:a",
        "/SYSV00000000 (deleted)\n", "anon_inode:bpf-map\n", "/dev/zero\n", " 20000000000 "})
    EXPECT_NE(expected.find(part), std::string::npos) << part;
  EXPECT_EQ(dumped(child.pid()), expected);
}

TEST_F(TaskVmaTest, AgreesWithProcOnPathsThatNoSystemCallTakes) {
  const std::string directory = daemon_.root();
  const Child child = prepared([&] {
    must(::chdir(directory.c_str()) == 0);
    const std::string part(199, 'd');
    for (int depth = 0; depth < 30; ++depth) {
      must(::mkdir(part.c_str(), 0700) == 0 && ::chdir(part.c_str()) == 0);
      if (depth % 9 == 2) map_new_file("f\nf");
    }
  });
  const std::string expected = maps_in_proc("/proc/" + std::to_string(child.pid()) + "/maps");
  EXPECT_NE(expected.find("ddd/f\\012f\n"), std::string::npos);
  EXPECT_GT(std::ranges::max(lines_of(expected), {}, &std::string::size).size(), 6000u);
  EXPECT_EQ(dumped(child.pid()), expected);
}

// Where a file has two paths: the one that was mapped, and the one that lies below.
TEST_F(TaskVmaTest, AgreesWithProcOnStackedFileSystemsInOtherMountNamespaces) {
  if (try_sh("grep -w overlay /proc/filesystems || modprobe overlay").status != 0)
    GTEST_SKIP() << "this kernel has no overlayfs";
  const std::string at = daemon_.root() + "/stack";
  ASSERT_TRUE(fs::create_directory(at));
  const Child child = prepared([&] {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    must(::mount("none", at.c_str(), "tmpfs", 0, nullptr) == 0);
    for (const char* const name : {"/low", "/up", "/work", "/top", "/low/in", "/low/in/deep"})
      must(fs::create_directory(at + name));
    for (const char* const name : {"/low/file", "/low/in/deep/n\nl", "/low/gone", "/low/bound"})
      std::ofstream(at + name) << "content\n";
    const std::string options =
        "lowerdir=" + at + "/low,upperdir=" + at + "/up,workdir=" + at + "/work";
    must(::mount("none", (at + "/top").c_str(), "overlay", 0, options.c_str()) == 0);
    std::ofstream(at + "/target") << "";
    must(::mount((at + "/top/bound").c_str(), (at + "/target").c_str(), nullptr, MS_BIND,
                 nullptr) == 0);
    for (const char* const name : {"/top/file", "/top/in/deep/n\nl", "/top/gone", "/target"})
      map_file(::open((at + name).c_str(), O_RDONLY | O_CLOEXEC), PROT_READ, MAP_PRIVATE);
    must(::unlink((at + "/top/gone").c_str()) == 0);
    map_new_file(at + "/top/in/above");
    // One that is nowhere any more.
    must(fs::create_directory(at + "/left"));
    must(::mount("none", (at + "/left").c_str(), "overlay", MS_RDONLY,
                 ("lowerdir=" + at + "/low:" + at + "/up").c_str()) == 0);
    map_file(::open((at + "/left/file").c_str(), O_RDONLY | O_CLOEXEC), PROT_READ, MAP_PRIVATE);
    must(::umount2((at + "/left").c_str(), MNT_DETACH) == 0);
  });
  const std::string expected = maps_in_proc("/proc/" + std::to_string(child.pid()) + "/maps");
  for (const char* const part : {"/stack/top/file\n", "/stack/top/in/deep/n\\012l\n",
                                 "/stack/top/gone (deleted)\n", "/stack/target\n", " /file\n"})
    EXPECT_NE(expected.find(part), std::string::npos) << part;
  EXPECT_EQ(dumped(child.pid()), expected);
}

TEST_F(TaskVmaTest, ShowsTheMemoryOfThreadsOnce) {
  // Threads with files of their own are visited apart.
  const Child child = prepared([] {
    for (int i = 0; i < 3; ++i) {
      int ends[2] = {};
      must(::pipe(ends) == 0);
      std::thread([say = ends[1]] {
        must(::unshare(CLONE_FILES) == 0 && ::write(say, "x", 1) == 1);
        ::pause();
      }).detach();
      char byte = 0;
      must(::read(ends[0], &byte, 1) == 1);
    }
  });
  EXPECT_EQ(dumped(child.pid()), maps_in_proc("/proc/" + std::to_string(child.pid()) + "/maps"));
}

TEST_F(TaskVmaTest, ShowsTheMemoryOfAProcessWhoseFirstThreadHasEnded) {
  int ends[2] = {};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd ready(ends[0]);
  const UniqueFd say(ends[1]);
  const Child child([&] {
    for (int i = 0; i < 2; ++i) {
      std::thread([&say] {
        const auto number = static_cast<pid_t>(::syscall(SYS_gettid));
        must(::write(say.get(), &number, sizeof(number)) == sizeof(number));
        ::pause();
      }).detach();
    }
    ::syscall(SYS_exit, 0);
    return 1;
  });
  pid_t threads[2] = {};
  ASSERT_EQ(::read(ready.get(), &threads[0], sizeof(pid_t)), ssize_t{sizeof(pid_t)});
  ASSERT_EQ(::read(ready.get(), &threads[1], sizeof(pid_t)), ssize_t{sizeof(pid_t)});
  const std::string process = "/proc/" + std::to_string(child.pid());
  ASSERT_TRUE(
      eventually([&] { return read_file(process + "/stat").find(") Z ") != std::string::npos; }));
  EXPECT_EQ(maps_in_proc(process + "/maps"), "");
  const std::string expected =
      maps_in_proc(process + "/task/" + std::to_string(threads[0]) + "/maps");
  EXPECT_NE(expected, "");
  EXPECT_EQ(dumped(child.pid()), expected);
}

}  // namespace
}  // namespace bpfdump::test
