// Package seal opens and closes Hallway's envelopes (protocol 6, 8). It is the only code that can decrypt: secrets come
// from keyring, who may read comes from a [View] of the access state, and nothing else does.
//
// A [Sealer] follows the key ops of a workspace: [Sealer.Take] is fed each of them, in any order, again after every
// start. It keeps a secret only where a signed mint that it holds commits to it, whoever brought it. What is written is
// sealed under the epoch that [Sealer.EpochToSend] answers; SealOp asks the same question again, so that nothing is ever
// sealed under an epoch that somebody whom the view knows to be removed can open.
package seal
