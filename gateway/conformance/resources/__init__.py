"""Rules of single resource types beyond their structure."""
