package keyring

// syncDir does nothing: Windows cannot sync a folder, and NTFS keeps renames in its own journal.
func syncDir(string) error { return nil }
