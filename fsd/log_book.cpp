// SPDX-License-Identifier: Apache-2.0
#include "fsd/log_book.h"

#include <memory>

namespace bpfdump::fsd {

void LogBook::add_target(const std::string& target) {
  const std::scoped_lock lock(mutex_);
  directories_[target] = tree_.add_directory(directory_, target);
}

void LogBook::write(const std::string& target, const std::string& name, std::string text) {
  constexpr std::size_t kOverhead = 512;  // about what a page costs beside its text
  const std::scoped_lock lock(mutex_);
  const Key key(target, name);
  erase_locked(key);

  const std::size_t bytes = text.size() + kOverhead;
  pages_.push_back({key, bytes});
  index_[key] = std::prev(pages_.end());
  bytes_ += bytes;
  const auto shared = std::make_shared<const std::string>(std::move(text));
  tree_.add_text(directories_.at(target), name, 0400, [shared] { return *shared; });

  while (bytes_ > kMostBytes && pages_.size() > 1) {
    const Key oldest = pages_.front().key;
    erase_locked(oldest);
  }
}

void LogBook::erase(const std::string& target, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  erase_locked({target, name});
}

void LogBook::erase_locked(const Key& key) {
  const auto at = index_.find(key);
  if (at == index_.end()) return;
  tree_.remove_text(directories_.at(key.first), key.second);
  bytes_ -= at->second->bytes;
  pages_.erase(at->second);
  index_.erase(at);
}

}  // namespace bpfdump::fsd
