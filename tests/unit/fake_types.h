// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/btf.h>

#include <memory>
#include <string>

namespace bpfdump::testing {

/// A kernel's types, made in memory.
class FakeTypes {
 public:
  FakeTypes& add_struct(const std::string& name) {
    btf__add_struct(types_.get(), name.c_str(), 0);
    return *this;
  }
  FakeTypes& add_function(const std::string& name) {
    const int prototype = btf__add_func_proto(types_.get(), 0);
    btf__add_func(types_.get(), name.c_str(), BTF_FUNC_STATIC, prototype);
    return *this;
  }
  /// What makes a kernel's target: the context struct and the attach point.
  FakeTypes& add_target(const std::string& name) {
    return add_struct("bpf_iter__" + name).add_function("bpf_iter_" + name);
  }
  [[nodiscard]] const btf& get() const { return *types_; }

 private:
  struct Deleter {
    void operator()(btf* types) const { btf__free(types); }
  };
  std::unique_ptr<btf, Deleter> types_{btf__new_empty()};
};

}  // namespace bpfdump::testing
