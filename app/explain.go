package app

import (
	"errors"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt/access"
	"hallway/store"
	"hallway/store/blob"
	"hallway/store/replica"
	"hallway/store/view"
)

// explanations turn what the rooms below report into what a person should hear: what happened and what to do. The first
// that fits counts.
var explanations = []struct {
	err      error
	kind     ProblemKind
	sentence string
}{
	{store.ErrNewer, ProblemNewer, "This data was written by a newer Hallway; install that version, nothing was changed."},
	{view.ErrNewer, ProblemNewer, "This data was written by a newer Hallway; install that version, nothing was changed."},
	{store.ErrLocked, ProblemBusy, "Another Hallway has this data folder open; close it, or run the command while its node runs."},
	{store.ErrFull, ProblemDiskFull, "The disk is full; free some space and try again, what was saved is safe."},
	{blob.ErrFull, ProblemDiskFull, "The disk is full; free some space and try again, what was saved is safe."},
	{store.ErrDamaged, ProblemDamaged, "A file of the store is damaged and was left as it is; move the workspace's folder away and join again, others still have the history."},
	{store.ErrKey, ProblemDamaged, "The store does not open with this device's key; its files do not belong together, restore both from one backup."},
	{keyring.ErrWrongPassphrase, ProblemLocked, "That passphrase is not right; try again."},
	{keyring.ErrNoKeychain, ProblemLocked, "The system's keychain does not answer; unlock it and start Hallway again."},
	{keyring.ErrKeychainItem, ProblemLocked, "The system's keychain no longer has Hallway's key; restore it, or come back with your recovery phrase."},
	{keyring.ErrNoKeyFile, ProblemLocked, "The key file is missing from the data folder; put it back, without it nothing here can be opened."},
	{keyring.ErrWrongKeyFile, ProblemLocked, "The key file is not the one that locked this data; put the right one back."},
	{keyring.ErrKeyFileMode, ProblemLocked, "The key file can be read by others; run chmod 600 on it and start again."},
	{keyring.ErrNewer, ProblemNewer, "These keys were written by a newer Hallway; install that version, nothing was changed."},
	{keyring.ErrDamaged, ProblemDamaged, "The file of this device's keys is damaged and was left as it is; restore it from a backup, or come back with your recovery phrase."},
	{access.ErrInadmissible, ProblemForbidden, "You may not do that here; ask an administrator."},
	{replica.ErrForked, ProblemForbidden, "This device's history was written twice, from two copies of its data; join again as a new device before you write."},
	{seal.ErrRefused, ProblemForbidden, "You cannot read this channel, so you cannot write in it."},
	{view.ErrDamaged, ProblemDamaged, "The index of this copy is damaged, the messages are not; build it again from them with: hallway rebuild."},
	{view.ErrNotFound, ProblemNotFound, "There is no such message here."},
}

// explain is err as a person should hear it, or err itself where nobody has words for it.
func explain(err error) error {
	var p *Problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	var missing *seal.MissingKey
	if errors.As(err, &missing) {
		return problem(ProblemUnavailable, "The key for this channel is not here yet; it is asked for, try again in a moment.")
	}
	for _, e := range explanations {
		if errors.Is(err, e.err) {
			return problem(e.kind, e.sentence)
		}
	}
	return err
}
