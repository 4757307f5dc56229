// Package view keeps the folds of crdt/chat as tables, with full-text search, in an encrypted SQLite file: what the
// screen reads. The truth is in the store; the view follows it by a cursor, is never waited for by a commit, and may be
// dropped and built again at any time.
//
// What it answers is the pure fold of the ops that it was given, in whatever order they came (package chat says what
// that is); beside it stand facts of this copy alone: what is read, what came late, the system's lines.
//
// One connection writes; a few read, each from a snapshot, and never wait for it.
package view
