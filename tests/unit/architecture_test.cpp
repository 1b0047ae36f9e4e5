// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace bpfdump {
namespace {

namespace fs = std::filesystem;
using ::testing::StartsWith;

// The arrows of the house: which rooms' headers each room may include, besides its own.
const std::map<std::string, std::set<std::string>> kArrows = {
    {"base", {}},
    {"config", {"base"}},
    {"targets", {"base"}},
    {"loader", {"targets", "base"}},
    {"query", {"targets", "base"}},
    {"reader", {"loader", "query", "targets", "base"}},
    {"fsd", {"reader", "loader", "query", "targets", "config", "base"}},
    {"cli", {"reader", "loader", "query", "targets", "config", "base"}},
};

// Libraries, by how their headers are included, and the files that may: by how their paths begin.
struct Confinement {
  std::vector<std::string> headers;  // by how they begin
  std::vector<std::string> places;
};
const std::vector<Confinement> kConfinements = {
    {{"fuse", "linux/fuse.h"}, {"fsd/ops.", "fsd/ops_slow.", "fsd/mount."}},
    {{"bpf/"}, {"targets/", "query/", "loader/"}},
    {{"toml"}, {"config/config.cpp"}},
    {{"spdlog/"}, {"fsd/", "cli/"}},
};

// Folders with sources that are no rooms.
const std::set<std::string> kOutbuildings = {"tests", "bench", "examples", "build"};

struct Include {
  std::string file;  // who includes, from the root of the sources
  std::string header;
};

bool is_source(const fs::path& path) {
  return path.extension() == ".h" || path.extension() == ".cpp" || path.extension() == ".cc";
}

std::vector<fs::path> sources_of(const fs::path& folder) {
  std::vector<fs::path> sources;
  for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
    // The built-in programs run in the kernel: they are compiled against nothing of ours.
    if (at->path() == fs::path(BPFDUMP_SOURCE_DIR) / "targets/bpf") at.disable_recursion_pending();
    if (at->is_regular_file() && is_source(at->path())) sources.push_back(at->path());
  }
  return sources;
}

// The header that a line includes; empty if it includes none.
std::string included(const std::string& line) {
  const std::size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return {};
  const std::size_t word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return {};
  const std::size_t begin = line.find_first_of("<\"", word);
  const std::size_t end = line.find_first_of(">\"", begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

bool begins_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::ranges::any_of(beginnings, [&](const auto& one) { return text.starts_with(one); });
}

// What all rooms' files include.
std::vector<Include> all_includes() {
  std::vector<Include> includes;
  for (const auto& [room, allowed] : kArrows) {
    const fs::path root(BPFDUMP_SOURCE_DIR);
    if (!fs::exists(root / room)) continue;  // not built yet
    for (const fs::path& file : sources_of(root / room)) {
      std::ifstream stream(file);
      for (std::string line; std::getline(stream, line);) {
        if (std::string header = included(line); !header.empty())
          includes.push_back({file.lexically_relative(root), std::move(header)});
      }
    }
  }
  return includes;
}

std::string first_part(const std::string& path) { return *fs::path(path).begin(); }

TEST(ArchitectureTest, FindsTheSources) {
  std::set<std::string> rooms;
  for (const auto& [file, header] : all_includes()) rooms.insert(first_part(file));
  EXPECT_THAT(rooms,
              ::testing::IsSupersetOf({"base", "config", "targets", "loader", "reader", "fsd"}));
}

TEST(ArchitectureTest, EveryFolderWithSourcesIsARoom) {
  for (const auto& entry : fs::directory_iterator(BPFDUMP_SOURCE_DIR)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory() || name.starts_with('.') || kOutbuildings.contains(name)) continue;
    EXPECT_TRUE(kArrows.contains(name) || sources_of(entry.path()).empty())
        << name << "/ has sources and no row in kArrows";
  }
}

TEST(ArchitectureTest, EveryArrowPointsDown) {
  int arrows = 0;
  for (const auto& [file, header] : all_includes()) {
    const std::string from = first_part(file);
    const std::string to = first_part(header);
    if (!kArrows.contains(to) || to == header) continue;  // no room's header
    ++arrows;
    EXPECT_TRUE(from == to || kArrows.at(from).contains(to)) << file << " includes " << header;
  }
  EXPECT_GT(arrows, 50);
}

TEST(ArchitectureTest, RoomsIncludeNothingOfTheOutbuildings) {
  for (const auto& [file, header] : all_includes())
    EXPECT_FALSE(kOutbuildings.contains(first_part(header))) << file << " includes " << header;
}

TEST(ArchitectureTest, EveryLibraryStaysWhereItBelongs) {
  for (const auto& [headers, places] : kConfinements) {
    int found = 0;
    for (const auto& [file, header] : all_includes()) {
      if (!begins_with_any(header, headers)) continue;
      ++found;
      EXPECT_TRUE(begins_with_any(file, places)) << file << " includes " << header;
    }
    EXPECT_GT(found, 0) << headers.front() << " is included nowhere";
  }
}

TEST(ArchitectureTest, EverySourceBeginsWithItsLicence) {
  for (const auto& [room, allowed] : kArrows) {
    const fs::path folder = fs::path(BPFDUMP_SOURCE_DIR) / room;
    if (!fs::exists(folder)) continue;
    for (const fs::path& file : sources_of(folder)) {
      std::string line;
      std::getline(std::ifstream(file) >> std::noskipws, line);
      EXPECT_EQ(line, "// SPDX-License-Identifier: Apache-2.0") << file;
    }
  }
}

}  // namespace
}  // namespace bpfdump
