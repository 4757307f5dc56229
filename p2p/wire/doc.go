// Package wire holds what travels between desks outside the ops themselves: frames, the messages of every stream
// protocol but catch-up's own, names of protocols and topics, and the limits of each. SPEC.md beside this file is the
// normative text.
//
// Everything that parses takes hostile bytes: a length is checked before anything is allocated for it, an encoding that
// is not the one its value has is refused, and the answer to nonsense is an error, never a panic.
package wire
