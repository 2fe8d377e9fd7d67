"""The search index: from a resource to its rows, and by which parameters each study is indexed."""
