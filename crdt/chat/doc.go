// Package chat says what the sealed part of a content op means, and folds a set of such ops into conversations:
// messages with their edits, reactions, threads, pins and deletions, what is unread, and imported history.
//
// What is shown is a pure function of the set of ops, in whatever order, number of copies and batches they came. Facts
// that belong to one copy alone, as when something arrived here, are kept apart from it. A payload that was redacted
// counts as never seen, on copies that had seen it too, so that those who come later show the same.
//
// The package is pure: no clock, network, disk or goroutine.
package chat
