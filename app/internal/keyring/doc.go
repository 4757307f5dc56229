// Package keyring holds what must not get out: a person's and a device's keys, and the secrets of epochs. It is the only
// code that does, and it keeps them on disk only as ciphertext.
//
// One file, [FileName] in the workspace's folder, carries the identity: a random root key, wrapped by a [Master] (the
// system's keychain, a passphrase, or a key file), and a body sealed under a key derived from it. The keys of the store
// and of its views come from the same root. Epoch secrets are many and come and go, so each is sealed by itself and
// kept by whoever serves [Secrets].
//
// What it does not protect: a desk that is unlocked and running has all of it in memory.
package keyring
