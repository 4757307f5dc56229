package keyring

import "strings"

// age reads keys only as text (BIP 173), and its own encoder is internal. Encoding is all that is needed here: what
// comes from others stays bytes, so that no text of theirs can name a plugin (protocol 6.3).
const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 is the text form of data under a lower-case human-readable part.
func bech32(hrp string, data []byte) string {
	values := fiveBits(data)
	var b strings.Builder
	b.WriteString(hrp)
	b.WriteByte('1')
	for _, v := range values {
		b.WriteByte(bech32Digits[v])
	}
	for _, v := range bech32Sum(hrp, values) {
		b.WriteByte(bech32Digits[v])
	}
	return b.String()
}

// fiveBits regroups bytes into values of five bits, the last one filled with zeros.
func fiveBits(data []byte) []byte {
	out := make([]byte, 0, (len(data)*8+4)/5)
	var acc uint32
	var bits uint
	for _, d := range data {
		acc, bits = acc<<8|uint32(d), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, byte(acc>>bits)&31)
		}
	}
	if bits > 0 {
		out = append(out, byte(acc<<(5-bits))&31)
	}
	return out
}

func bech32Sum(hrp string, values []byte) [6]byte {
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range len(hrp) {
		step(hrp[i] >> 5)
	}
	step(0)
	for i := range len(hrp) {
		step(hrp[i] & 31)
	}
	for _, v := range values {
		step(v)
	}
	for range 6 {
		step(0)
	}
	sum ^= 1
	var out [6]byte
	for i := range out {
		out[i] = byte(sum>>(5*(5-i))) & 31
	}
	return out
}
