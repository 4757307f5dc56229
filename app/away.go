package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hallway/app/internal/keyring"
)

// localAlive is when this copy was last known to be open.
const localAlive = "alive"

// aliveEvery is how exactly that is known.
const aliveEvery = time.Minute

// away is the stretch of time before this run in which the copy was closed.
func (s *space) away() (from, to time.Time) { return s.closedAt, s.opened }

// joinedAt is when this person came into the workspace, by the clock of whoever let them in.
func (s *space) joinedAt() time.Time {
	m, ok := s.access().Member(s.self)
	if !ok {
		return s.clock()
	}
	return m.Joined.Time()
}

// loadAway reads when this copy was last open.
func (s *space) loadAway() error {
	s.closedAt = s.opened
	_, err := s.kv.get(localAlive, &s.closedAt)
	return err
}

// keepAlive notes now and then that the copy is open.
func (s *space) keepAlive(ctx context.Context) error {
	for {
		if err := s.kv.put(context.WithoutCancel(ctx), localAlive, s.clock()); err != nil {
			s.log.Warn("could not note the time", "err", err)
		}
		if err := s.sweepUploads(context.WithoutCancel(ctx)); err != nil {
			s.log.Warn("could not drop old uploads", "err", err)
		}
		select {
		case <-time.After(aliveEvery):
		case <-ctx.Done():
			return s.kv.put(context.WithoutCancel(ctx), localAlive, s.clock())
		}
	}
}

// joinDone ends a join: everything further is the everyday course.
func (s *space) joinDone() {
	s.joining.Store(nil)
	s.tellJoin()
}

// remove takes a workspace off this machine: a join that was given up.
func (of *Office) remove(s *space) error {
	of.mu.Lock()
	for i, have := range of.spaces {
		if have == s {
			of.spaces = append(of.spaces[:i:i], of.spaces[i+1:]...)
			break
		}
	}
	of.mu.Unlock()
	s.stopRun()
	if err := s.close(); err != nil {
		return explain(err)
	}
	if s.protection == ProtectKeychain {
		if err := keyring.ForgetKeychain(filepath.Base(s.dir)); err != nil {
			return explain(err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the workspace's folder: %w", err)
	}
	return nil
}
