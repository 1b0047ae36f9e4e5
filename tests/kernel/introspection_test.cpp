// SPDX-License-Identifier: Apache-2.0
//
// The tree as it stands, and the daemon's own view of itself.
#include <sys/stat.h>
#include <sys/utsname.h>

#include <set>
#include <sstream>

#include "tests/kernel/bpf_objects.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

class IntrospectionTest : public MountTest {
 protected:
  // The first words of the lines, without the heading.
  static std::set<std::string> first_words(const std::string& text) {
    std::set<std::string> words;
    for (const auto& line : lines_of(text)) words.insert(line.substr(0, line.find(' ')));
    return words;
  }

  // What a row of a table says in a column that has no blanks.
  static std::string cell(const std::string& table, const std::string& row, std::size_t column) {
    for (const auto& line : lines_of(table)) {
      std::istringstream cells(line);
      std::string text;
      if (!(cells >> text) || text != row) continue;
      for (std::size_t at = 0; at < column; ++at) cells >> text;
      return text;
    }
    return {};
  }
};

TEST_F(IntrospectionTest, TheTargetsAreWhatTheKernelsTypesHave) {
  BPFDUMP_REQUIRE(missing_program("bpftool"));
  const auto types =
      lines_of(sh("bpftool btf dump file /sys/kernel/btf/vmlinux | "
                  "grep -oE \"(STRUCT|FUNC) 'bpf_iter_[a-z0-9_]+'\""));
  const std::set<std::string> all(types.begin(), types.end());
  std::set<std::string> expected;
  const std::string begin = "STRUCT 'bpf_iter__";
  for (const auto& type : all) {
    if (!type.starts_with(begin) || type.ends_with("__safe_trusted'")) continue;
    const std::string name = type.substr(begin.size(), type.size() - begin.size() - 1);
    if (all.contains("FUNC 'bpf_iter_" + name + "'")) expected.insert(name);
  }
  EXPECT_GE(expected.size(), 9u);

  auto listed = first_words(sh("cat $M/.bpfdump/targets"));
  EXPECT_EQ(listed.erase("TARGET"), 1u);
  EXPECT_EQ(listed, expected);
  EXPECT_EQ(first_words(sh("ls $M")), expected);
}

TEST_F(IntrospectionTest, TargetsSaysWhatIsBuiltInAndWhatIsKnown) {
  const std::string targets = sh("cat $M/.bpfdump/targets");
  for (const std::string& name : first_words(targets))
    EXPECT_EQ(cell(targets, name, 4), name == "TARGET" ? "BUILT-IN" : "yes") << name;
  EXPECT_EQ(cell(targets, "sockmap", 2), "map=(required)");
  EXPECT_EQ(cell(targets, "task", 2), "pid=,tid=");
  EXPECT_EQ(cell(targets, "tcp", 3), "net");
  EXPECT_EQ(cell(targets, "task", 1), "bpf_iter__task");
}

TEST_F(IntrospectionTest, DumpersSaysWhatTheKernelSays) {
  sh("mkdir $M/task/x && chmod 0604 $M/task/x && chown 12:34 $M/task/x && cat $M/task/x >$ROOT/x");
  const BpfObjects objects = objects_of_pin(daemon_.pins() + "/task/x");
  const std::string dumpers = sh("cat $M/.bpfdump/dumpers");
  EXPECT_EQ(cell(dumpers, "task/x", 1), "built-in");
  EXPECT_EQ(cell(dumpers, "task/x", 2), std::to_string(*objects.programs.begin()));
  EXPECT_EQ(cell(dumpers, "task/x", 3), std::to_string(*objects.links.begin()));
  EXPECT_EQ(cell(dumpers, "task/x", 4), "0604");
  EXPECT_EQ(cell(dumpers, "task/x", 5), "12:34");
  EXPECT_EQ(cell(dumpers, "task/x", 6), "1");
  EXPECT_EQ(cell(dumpers, "task/x", 7), std::to_string(read_file(daemon_.root() + "/x").size()));
}

TEST_F(IntrospectionTest, DumpersKeepsOneLineADumper) {
  sh("mkdir \"$M/task/a b\" \"$M/task/a\nb\"");
  EXPECT_EQ(first_words(sh("cat $M/.bpfdump/dumpers")),
            (std::set<std::string>{"PATH", "task/a\\040b", "task/a\\012b"}));
}

TEST_F(IntrospectionTest, VersionNamesTheProgramAndTheKernel) {
  utsname system = {};
  uname(&system);
  const std::string version = sh("cat $M/.bpfdump/version");
  EXPECT_EQ(version.find(sh("$BPFDUMPD --version | tr -d '\\n'")), 0u) << version;
  EXPECT_NE(version.find(system.release), std::string::npos) << version;
}

TEST_F(IntrospectionTest, TheNestedNamesOfTheProposalAreSymlinks) {
  EXPECT_EQ(sh("readlink $M/task/file $M/task/vma"), "../task_file\n../task_vma\n");
  sh("mkdir $M/task/file/x");
  EXPECT_EQ(sh("ls $M/task_file"), "x\n");
  EXPECT_EQ(sh("head -1 $M/task/file/x"), sh("head -1 $M/task_file/x"));
}

TEST_F(IntrospectionTest, FilesOfTheDaemonAreReadOnly) {
  for (const char* const name : {"targets", "dumpers", "version"}) {
    const std::string file = std::string("$M/.bpfdump/") + name;
    EXPECT_EQ(sh("stat -c %a " + file), "444\n");
    EXPECT_NE(try_sh("echo x > " + file).status, 0);
    EXPECT_NE(try_sh("chmod 0666 " + file).status, 0);
  }
}

TEST_F(IntrospectionTest, TheMountGivesNoPowers) {
  const std::string mount = sh("grep \" $M \" /proc/self/mounts");
  for (const char* const option :
       {"nosuid", "nodev", "noexec", "default_permissions", "allow_other"})
    EXPECT_NE(mount.find(option), std::string::npos) << mount;
  EXPECT_TRUE(mount.starts_with("bpfdump ")) << mount;
  EXPECT_NE(mount.find(" fuse.bpfdump "), std::string::npos) << mount;
}

TEST_F(IntrospectionTest, ModesDecideWhoReads) {
  BPFDUMP_REQUIRE(missing_program("setpriv"));
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  sh("mkdir $M/task/x");
  EXPECT_NE(try_sh(nobody + "cat $M/task/x").status, 0);
  EXPECT_NE(try_sh(nobody + "mkdir $M/task/y").status, 0);
  EXPECT_NE(try_sh(nobody + "cat $M/.bpfdump/log/task/x").status, 0);
  EXPECT_NE(try_sh(nobody + "rm -f $M/task/x").status, 0);
  sh("chmod 0444 $M/task/x");
  EXPECT_NE(sh(nobody + "cat $M/task/x"), "");
}

}  // namespace
}  // namespace bpfdump::test
