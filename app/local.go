package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hallway/store"
)

// local keeps small values of this device by name in the store, encrypted with it: read marks, drafts, places, where
// peers were met. They belong to this copy and are no ops.
type local struct{ db *store.DB }

// get reads a value; ok is false where there is none.
func (l local) get(name string, into any) (ok bool, err error) {
	var raw []byte
	err = l.db.View(func(t *store.Txn) (err error) {
		raw, err = t.Local(name)
		return err
	})
	if errors.Is(err, store.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("read %s: %w", name, store.ErrDamaged)
	}
	return true, nil
}

// put keeps a value durably; nil drops it.
func (l local) put(ctx context.Context, name string, value any) error {
	b := &store.Batch{}
	if value == nil {
		b.DropLocal(name)
	} else {
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("keep %s: %w", name, err)
		}
		b.PutLocal(name, raw)
	}
	if err := l.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// each reads every value whose name begins with prefix.
func (l local) each(prefix string, fn func(name string, raw []byte) error) error {
	return l.db.View(func(t *store.Txn) error { return t.Locals(prefix, fn) })
}

// secrets keeps the keyring's ciphertexts in the store; it sees no secret.
type secrets struct{ db *store.DB }

// Put implements keyring.Secrets.
func (s secrets) Put(name string, ct []byte) error {
	b := &store.Batch{}
	b.PutSecret(name, ct)
	return s.db.Commit(context.Background(), b)
}

// Get implements keyring.Secrets.
func (s secrets) Get(name string) (ct []byte, ok bool, err error) {
	err = s.db.View(func(t *store.Txn) (err error) {
		ct, err = t.Secret(name)
		return err
	})
	if errors.Is(err, store.ErrAbsent) {
		return nil, false, nil
	}
	return ct, err == nil, err
}

// Delete implements keyring.Secrets.
func (s secrets) Delete(name string) error {
	b := &store.Batch{}
	b.DropSecret(name)
	return s.db.Commit(context.Background(), b)
}

// List implements keyring.Secrets.
func (s secrets) List(prefix string) (names []string, err error) {
	err = s.db.View(func(t *store.Txn) error {
		return t.Secrets(prefix, func(name string, _ []byte) error {
			names = append(names, name)
			return nil
		})
	})
	return names, err
}
