package keyring

import "errors"

// What can be wrong with keys at rest. Each is wrapped with what was being done.
var (
	ErrNone            = errors.New("no keys here")          // there is no key file in the folder
	ErrExists          = errors.New("keys are here already") // Create will not write over them
	ErrWrongPassphrase = errors.New("wrong passphrase")
	ErrNoKeychain      = errors.New("no keychain on this machine")                // or it cannot be reached
	ErrKeychainItem    = errors.New("the keychain has no key for this workspace") // or another one than the keys were sealed with
	ErrNoKeyFile       = errors.New("the key file is gone")
	ErrKeyFileMode     = errors.New("the key file can be read by others")        // its mode must be 0600
	ErrWrongKeyFile    = errors.New("the key file is not the one of these keys") // or is not a key file
	ErrWrongSource     = errors.New("the keys are locked in another way")        // a passphrase was given where a key file is needed, and so on
	ErrDamaged         = errors.New("the keys are damaged")                      // truncated or changed
	ErrNewer           = errors.New("the keys were written by a newer Hallway")
	ErrNoKey           = errors.New("no such key")
	ErrPhrase          = errors.New("not a recovery phrase") // wrong count, unknown word or checksum
	ErrTooLarge        = errors.New("too large")
)

// Limits of one ring.
const (
	MaxExtra  = 32 << 10 // bytes of one extra value, and of a name; a join under way fits
	maxExtras = 1024
	maxPUKs   = 4096
	maxDEKs   = 64
	maxFile   = 16 << 20 // bytes of the key file
)
