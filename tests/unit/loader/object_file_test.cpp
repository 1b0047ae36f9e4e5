// SPDX-License-Identifier: Apache-2.0
#include "loader/object_file.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "loader/program.h"
#include "targets/known.h"

namespace bpfdump::loader {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string read_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string real_object(const std::string& name) {
  return read_file(BPFDUMP_BUILD_DIR "/targets/" + name + ".bpf.o");
}

// What is said against some bytes, as "errno message". The bytes are copied so that a sanitizer
// sees whoever reads beyond them.
std::string refusal(std::string_view bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  const auto checked = check_object_file(std::as_bytes(std::span(copy)));
  return checked ? "accepted" : fmt::format("{} {}", checked.error().code, checked.error().message);
}

Elf64_Ehdr header_of(const std::string& object) {
  Elf64_Ehdr header;
  std::memcpy(&header, object.data(), sizeof(header));
  return header;
}

std::string with_header(std::string object, const std::function<void(Elf64_Ehdr&)>& edit) {
  Elf64_Ehdr header = header_of(object);
  edit(header);
  std::memcpy(object.data(), &header, sizeof(header));
  return object;
}

// The object with its first section of a type changed.
std::string with_section(std::string object, Elf64_Word type,
                         const std::function<void(Elf64_Shdr&)>& edit) {
  const Elf64_Ehdr header = header_of(object);
  for (unsigned index = 0; index < header.e_shnum; ++index) {
    char* at = object.data() + header.e_shoff + index * sizeof(Elf64_Shdr);
    Elf64_Shdr section;
    std::memcpy(&section, at, sizeof(section));
    if (section.sh_type != type) continue;
    edit(section);
    std::memcpy(at, &section, sizeof(section));
    return object;
  }
  throw std::runtime_error("the object has no such section");
}

TEST(ObjectFileTest, AcceptsEveryBuiltinProgram) {
  int builtins = 0;
  for (const targets::Known& known : targets::known_targets()) {
    if (known.builtin.empty()) continue;
    ++builtins;
    const auto checked = check_object_file(known.builtin);
    EXPECT_TRUE(checked) << known.name << ": " << checked.error().message;
  }
  EXPECT_GT(builtins, 0);
}

TEST(ObjectFileTest, NothingIsNoObject) {
  EXPECT_EQ(refusal(""),
            fmt::format("{} the source is empty; write a compiled BPF object", ENOEXEC));
}

TEST(ObjectFileTest, TextIsNoObject) {
  const std::string expected = fmt::format(
      "{} this is text, not a BPF object; compile with: clang -g -O2 -target bpf -c", ENOEXEC);
  EXPECT_EQ(refusal("x"), expected);
  EXPECT_EQ(refusal("#include <linux/bpf.h>\n\tint x;\r\n"), expected);
  EXPECT_EQ(refusal("gr\xc3\xbc\xc3\x9f"
                    "e\n"),
            expected)
      << "UTF-8 is text";
}

TEST(ObjectFileTest, OtherBytesAreNoObject) {
  const std::string expected = fmt::format(
      "{} these are unknown bytes, not a BPF object; compile with: clang -g -O2 -target bpf -c",
      ENOEXEC);
  EXPECT_EQ(refusal(std::string(100, '\0')), expected);
  EXPECT_EQ(refusal(std::string("\x7f"
                                "EL")),
            expected);
}

TEST(ObjectFileTest, RandomBytesAreNoObject) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes(random() % 4096, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_THAT(refusal(bytes), StartsWith(fmt::format("{} ", ENOEXEC)));
  }
}

TEST(ObjectFileTest, ThisProgramIsForAnotherMachine) {
  const std::string program = read_file("/proc/self/exe");
  EXPECT_EQ(refusal(program),
            fmt::format("{} this is an ELF file for machine {}, not for BPF (247) in this host's "
                        "byte order; compile with: clang -g -O2 -target bpf -c",
                        ENOEXEC, header_of(program).e_machine));
}

TEST(ObjectFileTest, AnotherByteOrderOrWordSizeIsAnotherMachine) {
  const auto object = real_object("task");
  const auto flipped = with_header(object, [](Elf64_Ehdr& h) { h.e_ident[EI_DATA] ^= 3; });
  const auto narrow = with_header(object, [](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; });
  EXPECT_THAT(refusal(flipped), StartsWith(fmt::format("{} this is an ELF file for ", ENOEXEC)));
  EXPECT_THAT(refusal(narrow), StartsWith(fmt::format("{} this is an ELF file for ", ENOEXEC)));
}

TEST(ObjectFileTest, ALinkedBpfFileIsMalformed) {
  const auto linked = with_header(real_object("task"), [](Elf64_Ehdr& h) { h.e_type = ET_EXEC; });
  EXPECT_EQ(refusal(linked),
            fmt::format("{} this ELF file is of type 2, not a relocatable object (1)", EINVAL));
}

TEST(ObjectFileTest, AnObjectCutAnywhereIsRefused) {
  const auto object = real_object("task");
  ASSERT_EQ(refusal(object), "accepted");
  const std::string cut = fmt::format("{} the object is cut short: ", EINVAL);
  for (std::size_t size = 4; size < object.size(); ++size)
    ASSERT_THAT(refusal(std::string_view(object).substr(0, size)), StartsWith(cut)) << size;
}

TEST(ObjectFileTest, AnObjectWithoutSectionsIsMalformed) {
  const auto object = real_object("task");
  const std::string expected =
      fmt::format("{} the object is malformed: it has no table of sections", EINVAL);
  EXPECT_EQ(refusal(with_header(object, [](Elf64_Ehdr& h) { h.e_shnum = 0; })), expected);
  EXPECT_EQ(refusal(with_header(object, [](Elf64_Ehdr& h) { h.e_shentsize = 32; })), expected);
}

TEST(ObjectFileTest, ATableOfSectionsOutsideTheFileIsCutShort) {
  const auto object = real_object("task");
  for (const std::uint64_t offset : {std::uint64_t{object.size()}, UINT64_MAX, UINT64_MAX - 63}) {
    const auto bad = with_header(object, [&](Elf64_Ehdr& h) { h.e_shoff = offset; });
    EXPECT_THAT(refusal(bad), HasSubstr("the object is cut short: its table of sections"));
  }
}

TEST(ObjectFileTest, ASectionOutsideTheFileIsCutShort) {
  const auto object = real_object("task");
  const auto refusal_with = [&](std::uint64_t offset, std::uint64_t size) {
    return refusal(with_section(object, SHT_PROGBITS, [&](Elf64_Shdr& section) {
      section.sh_offset = offset;
      section.sh_size = size;
    }));
  };
  EXPECT_EQ(refusal_with(object.size(), 0), "accepted");
  EXPECT_THAT(refusal_with(object.size(), 1), HasSubstr("the object is cut short: section "));
  EXPECT_THAT(refusal_with(object.size() + 1, 0), HasSubstr("the object is cut short: section "));
  EXPECT_THAT(refusal_with(8, UINT64_MAX), HasSubstr("the object is cut short: section "));
  EXPECT_THAT(refusal_with(UINT64_MAX, 8), HasSubstr("the object is cut short: section "));
}

TEST(ObjectFileTest, AnObjectWithoutNamesOfItsSectionsIsMalformed) {
  const auto object = real_object("task");
  const std::string expected =
      fmt::format("{} the object is malformed: its sections have no names", EINVAL);
  EXPECT_EQ(refusal(with_header(object, [](Elf64_Ehdr& h) { h.e_shstrndx = 0; })), expected);
  EXPECT_EQ(refusal(with_header(object, [](Elf64_Ehdr& h) { h.e_shstrndx = h.e_shnum; })),
            expected);
}

TEST(ObjectFileTest, AStringTableWithoutAnEndIsMalformed) {
  const auto bad = with_section(real_object("task"), SHT_STRTAB,
                                [](Elf64_Shdr& section) { section.sh_size -= 1; });
  EXPECT_THAT(refusal(bad), HasSubstr("the object is malformed: string table "));
}

TEST(ObjectFileTest, ATableWithStrangeEntriesIsMalformed) {
  for (const Elf64_Word type : {SHT_SYMTAB, SHT_REL}) {
    const auto bad = with_section(real_object("task"), type,
                                  [](Elf64_Shdr& section) { section.sh_entsize = 1; });
    EXPECT_THAT(refusal(bad), HasSubstr("has entries of 1 bytes"));
  }
}

TEST(ObjectFileTest, ALinkToNoSectionIsMalformed) {
  const auto bad = with_section(real_object("task"), SHT_SYMTAB,
                                [](Elf64_Shdr& section) { section.sh_link = 1000; });
  EXPECT_THAT(refusal(bad), HasSubstr(" refers to section 1000 of "));
}

TEST(ObjectFileTest, ZeroesMayNotTakeAllMemory) {
  const auto with_zeroes = [](std::uint64_t size) {
    return refusal(with_section(real_object("task"), SHT_PROGBITS, [&](Elf64_Shdr& section) {
      section.sh_type = SHT_NOBITS;
      section.sh_size = size;
    }));
  };
  EXPECT_EQ(with_zeroes(64 << 20), "accepted");
  EXPECT_THAT(with_zeroes((64 << 20) + 1), HasSubstr(" wants 67108865 bytes of zeroes; at most "));
}

// --- libbpf under hostile bytes ------------------------------------------------------------------

/// While it lives this thread has no capability, so that libbpf parses and the kernel refuses.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    syscall(SYS_capget, &header_, before_.data());
    auto none = before_;
    for (auto& set : none) set.effective = 0;
    syscall(SYS_capset, &header_, none.data());
  }
  ~WithoutPrivileges() { syscall(SYS_capset, &header_, before_.data()); }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> before_ = {};
};

// Some edits, most of them where the format is decided: the header, the sections' table, the
// sections that libbpf parses.
std::string mutate(std::string object, std::mt19937& random) {
  constexpr std::array<std::uint64_t, 10> kInteresting = {
      0,         1, 7, 8, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, UINT64_MAX - 7,
      UINT64_MAX};
  const Elf64_Ehdr header = header_of(object);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    std::size_t at = below(object.size());
    const std::size_t width = std::size_t{1} << below(4);
    const std::size_t place = below(4);
    if (place == 0) at = below(sizeof(header));
    if (place == 1) at = header.e_shoff + below(header.e_shnum * sizeof(Elf64_Shdr));
    if (below(2) == 0) at -= at % width;
    std::uint64_t value = random();
    if (below(2) == 0) value = kInteresting[below(kInteresting.size())];
    if (below(4) == 0) value = object.size() - below(64);
    if (at + width <= object.size()) std::memcpy(object.data() + at, &value, width);
  }
  return object;
}

class HostileObjectTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(HostileObjectTest, IsRefusedOrLoadedButNeverCrashes) {
  const WithoutPrivileges none;
  const std::array<std::string, 3> names = {"task", "bpf_map", "netlink"};
  const std::string name = names[GetParam() % names.size()];
  const auto original = real_object(name);
  ASSERT_FALSE(original.empty());
  std::mt19937 random(GetParam());
  const targets::Target target{name, "bpf_iter__" + name, {}};
  int accepted = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto object = mutate(original, random);
    const auto bytes = std::as_bytes(std::span(object));
    if (!check_object_file(bytes)) continue;
    ++accepted;
    LoadLog log;
    const auto program = Program::load(bytes, target, "dump", {}, log);
    ASSERT_FALSE(program) << "this thread must not be able to load programs";
    ASSERT_FALSE(program.error().message.empty());
  }
  EXPECT_GT(accepted, 100) << "libbpf was not tried";
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileObjectTest, ::testing::Range(1u, 11u));

TEST(ProgramTest, WithoutPrivilegesSaysWhichAreNeeded) {
  const WithoutPrivileges none;
  const auto object = real_object("task");
  LoadLog log;
  const auto program =
      Program::load(std::as_bytes(std::span(object)), {"task", "bpf_iter__task", {}}, "x", {}, log);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, EPERM);
  EXPECT_THAT(program.error().message,
              ::testing::MatchesRegex("load program '.*': Operation not permitted; "
                                      "bpfdumpd needs CAP_BPF and CAP_PERFMON"));
}

TEST(ProgramTest, AnObjectForAnotherTargetSaysWhatItHas) {
  const auto object = real_object("task");
  LoadLog log;
  const auto program =
      Program::load(std::as_bytes(std::span(object)), {"tcp", "bpf_iter__tcp", {}}, "x", {}, log);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, EINVAL);
  EXPECT_EQ(program.error().message,
            "no program for target 'tcp' in the object; it needs SEC(\"iter/tcp\"), and has "
            "iter/task");
}

}  // namespace
}  // namespace bpfdump::loader
