// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fsd/filesystem.h"
#include "fsd/store.h"
#include "targets/catalog.h"
#include "tests/unit/fake_types.h"
#include "tests/unit/temporary_directory.h"

namespace bpfdump::testing {

/// A file system over a kernel that only has the types of some targets: everything works but
/// loading a program.
struct FakeKernel {
  /// `settings` is the text of a configuration.
  explicit FakeKernel(const std::vector<std::string>& targets, std::string_view settings = "")
      : config(config::parse(settings, "test.toml").value()), catalog(discover(targets)) {
    auto store = fsd::Store::open(pins.path());
    auto created = fsd::Filesystem::create(catalog, config, std::move(*store), entry);
    if (created)
      filesystem = std::move(*created);
    else
      refusal = created.error().message;
  }

  TemporaryDirectory pins;
  config::Config config;
  targets::Catalog catalog;
  reader::NamespaceEntry entry;
  std::unique_ptr<fsd::Filesystem> filesystem;  // null: it was refused
  std::string refusal;

 private:
  static targets::Catalog discover(const std::vector<std::string>& targets) {
    FakeTypes types;
    for (const std::string& target : targets) types.add_target(target);
    return targets::Catalog::discover(types.get());
  }
};

}  // namespace bpfdump::testing
