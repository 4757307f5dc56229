// Package crdt holds Hallway's operations: single-writer, hash-chained, signed logs and the rules by which a copy
// tells a genuine operation from any other bytes. SPEC.md beside this file is the normative text; testdata/vectors
// are its examples.
//
// The package is pure: no clock, network, disk, goroutine or global randomness, and no map order in any output.
// Everything that parses takes hostile bytes and answers with an error, never a panic, and allocates no more than
// a small multiple of its input.
package crdt
