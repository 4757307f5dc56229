package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"
	oskeyring "github.com/zalando/go-keyring"
)

// Source says what unlocks a ring.
type Source uint8

// The sources of a master key.
const (
	SourcePassphrase Source = 1
	SourceKeychain   Source = 2
	SourceKeyFile    Source = 3
)

// Master unlocks a ring. [Passphrase], [Keychain] and [KeyFile] make one.
type Master interface {
	Source() Source
	wrap(root Secret) ([]byte, error)      // for Create; makes the key that it needs where there is none
	unwrap(wrapped []byte) (Secret, error) // for Open
}

// DefaultWorkFactor is age's own scrypt cost, 2^18: about a second and half a gigabyte.
const DefaultWorkFactor = 18

// maxWorkFactor bounds what a changed file can make Open spend.
const maxWorkFactor = 20

// Passphrase locks with age's scrypt at a cost of 2^workFactor, DefaultWorkFactor where it is 0.
func Passphrase(phrase []byte, workFactor int) Master {
	if workFactor == 0 {
		workFactor = DefaultWorkFactor
	}
	return passphrase{phrase: Secretive(bytes.Clone(phrase)), cost: workFactor}
}

type passphrase struct {
	phrase Secretive
	cost   int
}

func (passphrase) Source() Source { return SourcePassphrase }

func (p passphrase) wrap(root Secret) ([]byte, error) {
	if p.cost < 1 || p.cost > maxWorkFactor {
		return nil, fmt.Errorf("scrypt work factor %d: %w", p.cost, ErrTooLarge)
	}
	r, err := age.NewScryptRecipient(string(p.phrase))
	if err != nil {
		return nil, fmt.Errorf("empty passphrase: %w", ErrWrongPassphrase)
	}
	r.SetWorkFactor(p.cost)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		return nil, fmt.Errorf("lock with the passphrase: %w", err)
	}
	if _, err := w.Write(root[:]); err != nil {
		return nil, fmt.Errorf("lock with the passphrase: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("lock with the passphrase: %w", err)
	}
	return out.Bytes(), nil
}

func (p passphrase) unwrap(wrapped []byte) (Secret, error) {
	id, err := age.NewScryptIdentity(string(p.phrase))
	if err != nil {
		return Secret{}, fmt.Errorf("empty passphrase: %w", ErrWrongPassphrase)
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(wrapped), id)
	if err != nil {
		if errors.Is(err, age.ErrIncorrectIdentity) {
			return Secret{}, ErrWrongPassphrase
		}
		return Secret{}, fmt.Errorf("unlock with the passphrase: %w", ErrDamaged)
	}
	var root Secret
	if _, err := io.ReadFull(r, root[:]); err != nil {
		return Secret{}, fmt.Errorf("unlock with the passphrase: %w", ErrDamaged)
	}
	return root, nil
}

// Keychain locks with a key that the operating system's keychain keeps under account, one per workspace folder. The item
// is made for this device only; no part of it is put where a cloud backup of keychains would take it along.
func Keychain(account string) Master { return keychain{account} }

const keychainService = "hallway"

type keychain struct{ account string }

func (keychain) Source() Source { return SourceKeychain }

func (k keychain) wrap(root Secret) ([]byte, error) {
	key, err := NewSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := oskeyring.Set(keychainService, k.account, hex.EncodeToString(key[:])); err != nil {
		return nil, fmt.Errorf("write to the keychain: %w", ErrNoKeychain)
	}
	return wrapKey(key, root)
}

func (k keychain) unwrap(wrapped []byte) (Secret, error) {
	text, err := oskeyring.Get(keychainService, k.account)
	switch {
	case errors.Is(err, oskeyring.ErrNotFound):
		return Secret{}, ErrKeychainItem
	case err != nil:
		return Secret{}, ErrNoKeychain
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(Secret{}) {
		return Secret{}, ErrKeychainItem
	}
	root, err := unwrapKey(Secret(b), wrapped)
	if err != nil {
		return Secret{}, ErrKeychainItem
	}
	return root, nil
}

// KeychainWorks reports whether this machine has a keychain that keeps what it is given: it writes, reads and deletes
// an item. It may make the system ask its user to unlock it.
func KeychainWorks() bool {
	probe, err := NewSecret(rand.Reader)
	if err != nil {
		return false
	}
	account := "probe-" + hex.EncodeToString(probe[:8])
	if oskeyring.Set(keychainService, account, account) != nil {
		return false
	}
	got, err := oskeyring.Get(keychainService, account)
	return oskeyring.Delete(keychainService, account) == nil && err == nil && got == account
}

// ForgetKeychain removes the account's item, when its workspace is removed from this machine.
func ForgetKeychain(account string) error {
	if err := oskeyring.Delete(keychainService, account); err != nil && !errors.Is(err, oskeyring.ErrNotFound) {
		return fmt.Errorf("remove from the keychain: %w", ErrNoKeychain)
	}
	return nil
}

// KeyFile locks with a key kept in a file of mode 0600, which Create makes where it is missing: for headless machines.
// Whoever reads both files has everything; app says so to the person who chose it.
func KeyFile(path string) Master { return keyFile{path} }

type keyFile struct{ path string }

func (keyFile) Source() Source { return SourceKeyFile }

func (k keyFile) wrap(root Secret) ([]byte, error) {
	key, err := k.read()
	if errors.Is(err, ErrNoKeyFile) {
		key, err = k.make()
	}
	if err != nil {
		return nil, err
	}
	return wrapKey(key, root)
}

func (k keyFile) unwrap(wrapped []byte) (Secret, error) {
	key, err := k.read()
	if err != nil {
		return Secret{}, err
	}
	root, err := unwrapKey(key, wrapped)
	if err != nil {
		return Secret{}, ErrWrongKeyFile
	}
	return root, nil
}

func (k keyFile) make() (Secret, error) {
	key, err := NewSecret(rand.Reader)
	if err != nil {
		return Secret{}, err
	}
	if err := writeNew(k.path, []byte(hex.EncodeToString(key[:])+"\n")); err != nil {
		return Secret{}, fmt.Errorf("write the key file: %w", err)
	}
	return key, nil
}

func (k keyFile) read() (Secret, error) {
	f, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, ErrNoKeyFile
	}
	if err != nil {
		return Secret{}, fmt.Errorf("open the key file: %w", err)
	}
	defer f.Close()
	if err := checkMode(f); err != nil {
		return Secret{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return Secret{}, fmt.Errorf("read the key file: %w", err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(b)))
	if err != nil || len(key) != len(Secret{}) {
		return Secret{}, ErrWrongKeyFile
	}
	return Secret(key), nil
}
