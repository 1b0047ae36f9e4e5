// SPDX-License-Identifier: Apache-2.0
//
// The built-in programs for BPF programs and links against bpftool and /proc.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <set>
#include <sstream>

#include "tests/kernel/bpf_kinds.h"
#include "tests/kernel/daemon.h"
#include "tests/kernel/json.h"

namespace bpfdump::test {
namespace {

using base::UniqueFd;

class BpfObjectsTest : public MountTest {
 protected:
  void SetUp() override {
    BPFDUMP_REQUIRE(missing_program("bpftool"));
    MountTest::SetUp();
  }

  // What bpftool has, by id.
  std::map<std::string, JsonObject> bpftool(const std::string& what) const {
    std::map<std::string, JsonObject> objects;
    for (const auto& text : json_array(sh("bpftool -j " + what + " show"))) {
      const auto object = json_object(text);
      objects[object.at("id")] = object;
    }
    return objects;
  }

  static std::string text(const JsonObject& object, const std::string& name) {
    const auto at = object.find(name);
    return at == object.end() ? "-" : unquoted(at->second);
  }
};

class BpfProgTest : public BpfObjectsTest {};

enum ProgramColumn {
  kId,
  kType,
  kTag,
  kUid,
  kAge,
  kXlated,
  kJited,
  kMemlock,
  kMaps,
  kAttachTo,
  kName,
  kColumns
};

TEST_F(BpfProgTest, AgreesWithBpftoolOnProgramsOfManyTypes) {
  sh("mkdir $M/bpf_prog/p");
  std::vector<Kind> kinds;
  for (const char* const name :
       {"t_socket_filter", "t_tc_with_a_name_that_is_longer_than_the_kernel_keeps",
        "t_15_bytes_name", "t_egress", "t_getsockopt", "t_sk_lookup", "t_verdict", "t_perf_event",
        "t_kprobe", "t_raw_tp", "t_dissector", "t_tp_btf", "t_syscall"}) {
    kinds.push_back(load_kind(name));
    EXPECT_GE(kinds.back().fd, 0) << name << ": " << std::strerror(errno);
  }
  // Some machines allow no trampolines.
  Kind fentry = load_kind("t_fentry", kinds[3].fd);
  if (fentry.fd >= 0) kinds.push_back(std::move(fentry));
  // One without a name, types and maps.
  const std::vector<bpf_insn> nothing = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const UniqueFd bare(
      bpf_prog_load(BPF_PROG_TYPE_XDP, nullptr, "GPL", nothing.data(), nothing.size(), nullptr));
  ASSERT_TRUE(bare.valid()) << std::strerror(errno);

  const std::time_t before = std::time(nullptr);
  const auto ours = rows_of(read_file(path("bpf_prog/p")));
  const std::time_t after = std::time(nullptr);
  const auto theirs = bpftool("prog");
  std::set<std::string> types;
  std::vector<int> fds = {bare.get()};
  for (const auto& kind : kinds) fds.push_back(kind.fd);
  for (const int fd : fds) {
    const std::string id = std::to_string(info_of<bpf_prog_info>(fd).id);
    ASSERT_TRUE(theirs.contains(id));
    const JsonObject& expected = theirs.at(id);
    ASSERT_TRUE(ours.contains(id)) << text(expected, "name");
    const auto& row = ours.at(id);
    ASSERT_EQ(row.size(), kColumns) << text(expected, "name");
    types.insert(row[kType]);

    EXPECT_EQ(row[kType], text(expected, "type"));
    EXPECT_EQ(row[kTag], text(expected, "tag"));
    EXPECT_EQ(row[kUid], text(expected, "uid"));
    EXPECT_EQ(row[kXlated], text(expected, "bytes_xlated"));
    EXPECT_EQ(row[kJited], text(expected, "bytes_jited"));
    EXPECT_EQ(row[kMemlock], text(expected, "bytes_memlock"));
    const auto maps = expected.contains("map_ids") ? json_array(expected.at("map_ids")).size() : 0;
    EXPECT_EQ(row[kMaps], std::to_string(maps));
    EXPECT_EQ(row[kName], text(expected, "name"));
    // bpftool calculates with two clocks that it reads one after the other, and cuts seconds.
    const std::time_t loaded = std::stoll(text(expected, "loaded_at"));
    EXPECT_GE(std::stoll(row[kAge]), before - loaded - 2) << row[kName];
    EXPECT_LE(std::stoll(row[kAge]), after - loaded + 2) << row[kName];
  }
  EXPECT_GE(types.size(), 11u) << testing::PrintToString(types);
}

TEST_F(BpfProgTest, ShowsWhatAProgramIsToBeAttachedTo) {
  sh("mkdir $M/bpf_prog/p");
  const Kind egress = load_kind("t_egress"), tracing = load_kind("t_tp_btf");
  const Kind other = load_kind("t_fentry", egress.fd);
  const auto rows = rows_of(read_file(path("bpf_prog/p")));
  const auto attach_to = [&](int fd) {
    return rows.at(std::to_string(info_of<bpf_prog_info>(fd).id)).at(kAttachTo);
  };
  EXPECT_EQ(attach_to(egress.fd), "-");
  EXPECT_EQ(attach_to(tracing.fd), "sched_switch");
  if (other.fd >= 0) {
    EXPECT_EQ(attach_to(other.fd), "-") << "a function of another program";
  }
  for (const auto& [id, row] : rows) {
    if (row.at(kName) == "bpfdump_bpf_prog") {
      EXPECT_EQ(row.at(kAttachTo), "bpf_iter_bpf_prog");
    }
  }
}

TEST_F(BpfProgTest, ShowsAllPrograms) {
  sh("mkdir $M/bpf_prog/p");
  // Those that are there before and after are there in between.
  const auto before = bpftool("prog");
  const auto ours = rows_of(read_file(path("bpf_prog/p")));
  const auto after = bpftool("prog");
  for (const auto& [id, program] : before) {
    if (after.contains(id)) {
      EXPECT_TRUE(ours.contains(id)) << text(program, "name");
    }
  }
}

// --- Links ------------------------------------------------------------------------------------

class BpfLinkTest : public BpfObjectsTest {
 protected:
  void TearDown() override {
    links_.clear();
    if (!cgroup_.empty()) std::filesystem::remove(cgroup_);
    BpfObjectsTest::TearDown();
  }

  // Attaches one of kinds.bpf.c. A kind of link that this kernel has not is left out.
  void attach(const std::string& name, int target, bpf_attach_type type,
              const bpf_link_create_opts* options = nullptr) {
    kinds_.push_back(load_kind(name));
    const int fd = bpf_link_create(kinds_.back().fd, target, type, options);
    if (fd >= 0) links_.emplace_back(fd);
  }
  void attach_iterator(const std::string& object, bpf_iter_link_info info) {
    links_.push_back(test::attach_iterator(load_object(object).get(), info));
  }

  // A cgroup of our own, where there is a cgroup2 mount.
  UniqueFd cgroup() {
    const std::string mount = sh("awk '$3 == \"cgroup2\" { print $2; exit }' /proc/mounts");
    if (mount.empty()) return {};
    cgroup_ = mount.substr(0, mount.find('\n')) + "/t_bpf_link_" + std::to_string(::getpid());
    std::filesystem::create_directory(cgroup_);
    return UniqueFd(::open(cgroup_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  std::vector<Kind> kinds_;
  std::vector<UniqueFd> links_;
  std::string cgroup_;
};

std::string builtin(const std::string& target) {
  return BPFDUMP_BUILD_DIR "/targets/" + target + ".bpf.o";
}

// The "name=value" of a row, and "name:\tvalue" of /proc/self/fdinfo.
std::map<std::string, std::string> details_of(const std::vector<std::string>& row) {
  std::map<std::string, std::string> details;
  for (std::size_t i = 4; i < row.size(); ++i) {
    const auto sign = row[i].find('=');
    details[row[i].substr(0, sign)] = row[i].substr(sign + 1);
  }
  return details;
}

std::map<std::string, std::string> fdinfo_of(int fd) {
  std::map<std::string, std::string> fields;
  for (const auto& line : lines_of(read_file("/proc/self/fdinfo/" + std::to_string(fd)))) {
    std::istringstream cells(line);
    std::string name, value;
    cells >> name >> value;
    fields[name.substr(0, name.size() - 1)] = value;
  }
  return fields;
}

TEST_F(BpfLinkTest, AgreesWithBpftoolAndProcOnLinksOfManyTypes) {
  sh("mkdir $M/bpf_link/l");
  const UniqueFd net(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  attach("t_sk_lookup", net.get(), BPF_SK_LOOKUP);
  attach("t_dissector", net.get(), BPF_FLOW_DISSECTOR);  // EEXIST where one is there
  const int loopback = static_cast<int>(::if_nametoindex("lo"));
  LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = 1U << 1);  // XDP_FLAGS_SKB_MODE
  attach("t_15_bytes_name", loopback, BPF_XDP, &generic);
  attach("t_tc_with_a_name_that_is_longer_than_the_kernel_keeps", loopback,
         static_cast<bpf_attach_type>(46));  // BPF_TCX_INGRESS, of Linux 6.6
  if (const UniqueFd group = cgroup(); group.valid()) {
    attach("t_egress", group.get(), BPF_CGROUP_INET_EGRESS);
    attach("t_getsockopt", group.get(), BPF_CGROUP_GETSOCKOPT);
    bpf_iter_link_info info = {};
    info.cgroup.cgroup_fd = static_cast<__u32>(group.get());
    info.cgroup.order = BPF_CGROUP_ITER_SELF_ONLY;
    attach_iterator(object_file("cgroups"), info);
  }
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_SOCKMAP, "t_links", 4, 4, 1, nullptr));
  attach("t_verdict", map.get(), BPF_SK_SKB_STREAM_VERDICT);  // a link since Linux 6.10
  kinds_.push_back(load_kind("t_raw_tp"));
  links_.emplace_back(bpf_raw_tracepoint_open("sched_switch", kinds_.back().fd));
  ASSERT_TRUE(links_.back().valid()) << std::strerror(errno);
  attach("t_tp_btf", 0, BPF_TRACE_RAW_TP);
  kinds_.push_back(load_kind("t_egress"));
  kinds_.push_back(load_kind("t_fentry", kinds_.back().fd));
  if (kinds_.back().fd >= 0) {  // some machines allow no trampolines
    links_.emplace_back(bpf_link_create(kinds_.back().fd, 0, BPF_TRACE_FENTRY, nullptr));
    ASSERT_TRUE(links_.back().valid()) << std::strerror(errno);
  }
  perf_event_attr switches = {};
  switches.type = PERF_TYPE_SOFTWARE;
  switches.size = sizeof(switches);
  switches.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
  switches.sample_period = 1'000'000'000;
  const UniqueFd event(
      static_cast<int>(::syscall(SYS_perf_event_open, &switches, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  if (event.valid()) attach("t_perf_event", event.get(), BPF_PERF_EVENT);
  attach_iterator(builtin("task"), {});
  bpf_iter_link_info info = {};
  info.task.tid = static_cast<__u32>(::getpid());
  attach_iterator(builtin("task"), info);
  info = {};
  info.task.pid = static_cast<__u32>(::getpid());
  attach_iterator(builtin("task"), info);
  const UniqueFd hash(bpf_map_create(BPF_MAP_TYPE_HASH, "t_links", 4, 4, 1, nullptr));
  info = {};
  info.map.map_fd = static_cast<__u32>(hash.get());
  attach_iterator(builtin("bpf_map_elem"), info);

  const auto ours = rows_of(read_file(path("bpf_link/l")));
  const auto theirs = bpftool("link");
  const auto programs = bpftool("prog");
  // What bpftool has beyond the columns, and what is no fact of the link.
  const std::set<std::string> no_details = {"id", "type", "prog_id", "prog_type", "pids", "pinned"};
  std::set<std::string> types, names;
  for (const auto& link : links_) {
    const auto shown = info_of<bpf_link_info>(link.get());
    const std::string id = std::to_string(shown.id);
    ASSERT_TRUE(theirs.contains(id));
    const JsonObject& expected = theirs.at(id);
    ASSERT_TRUE(ours.contains(id)) << expected.at("type");
    const auto& row = ours.at(id);
    SCOPED_TRACE(testing::PrintToString(row));
    // This bpftool knows the types up to struct_ops; /proc has the names that the kernel has.
    auto fdinfo = fdinfo_of(link.get());
    if (expected.at("type").front() == '"') {
      EXPECT_EQ(row.at(1), text(expected, "type"));
    }
    EXPECT_EQ(row.at(1).substr(0, 4), fdinfo.at("link_type").substr(0, 4));
    EXPECT_EQ(row.at(2), text(expected, "prog_id"));
    EXPECT_EQ(row.at(3), text(programs.at(row.at(2)), "name"));
    types.insert(row.at(1));

    const auto details = details_of(row);
    if (shown.type == BPF_LINK_TYPE_PERF_EVENT) {
      EXPECT_EQ(details.at("event_type"), "software");
      EXPECT_EQ(details.at("event_config"), std::to_string(PERF_COUNT_SW_CONTEXT_SWITCHES));
    }
    if (shown.type == BPF_LINK_TYPE_TRACING) {
      EXPECT_EQ(details.at("target_obj_id"), std::to_string(shown.tracing.target_obj_id));
      EXPECT_EQ(details.at("target_btf_id"), std::to_string(shown.tracing.target_btf_id));
    }
    for (const auto& [name, value] : expected) {
      if (no_details.contains(name)) continue;
      ASSERT_TRUE(details.contains(name)) << name;
      EXPECT_EQ(details.at(name), unquoted(value)) << name;
      names.insert(name);
    }
    for (const auto& [name, value] : details) {
      if (!fdinfo.contains(name) ||
          fdinfo[name].find_first_not_of("0123456789") != std::string::npos)
        continue;
      if (name == "attach_type") continue;  // there it is a number
      EXPECT_EQ(value, fdinfo[name]) << name;
      names.insert(name);
    }
  }
  EXPECT_GE(types.size(), 7u) << testing::PrintToString(types);
  for (const char* const name :
       {"attach_type", "netns_ino", "tp_name", "target_name", "map_id", "ifindex"}) {
    EXPECT_TRUE(names.contains(name)) << name << " was compared with nothing";
  }
}

TEST_F(BpfLinkTest, ShowsAllLinks) {
  sh("mkdir $M/bpf_link/l");
  const auto before = bpftool("link");
  const auto ours = rows_of(read_file(path("bpf_link/l")));
  const auto after = bpftool("link");
  EXPECT_FALSE(before.empty());
  for (const auto& [id, link] : before) {
    if (after.contains(id)) {
      EXPECT_TRUE(ours.contains(id)) << text(link, "type");
    }
  }
}

}  // namespace
}  // namespace bpfdump::test
