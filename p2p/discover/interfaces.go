package discover

import (
	"net"
	"strings"
)

// virtual are the beginnings of names that interfaces have which lead to no desk: containers, virtual machines, tunnels.
var virtual = []string{
	"docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "vnet", "lxc", "lxdbr", "cni", "flannel", "podman",
	"tun", "tap", "utun", "wg", "ppp", "ipsec", "tailscale", "zt", "vethernet (wsl", "vethernet (default", "wsl", "awdl", "llw",
}

// Choose picks the interfaces to announce on: those that are up, do multicast and look physical. Where there is none, all
// that are up and do multicast will do, a lone virtual one or the loopback too.
func Choose(all []net.Interface) []net.Interface {
	var good, any []net.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 {
			continue
		}
		any = append(any, i)
		if i.Flags&(net.FlagLoopback|net.FlagPointToPoint) == 0 && !isVirtual(i.Name) {
			good = append(good, i)
		}
	}
	if len(good) > 0 {
		return good
	}
	return any
}

func isVirtual(name string) bool {
	name = strings.ToLower(name)
	for _, v := range virtual {
		if strings.HasPrefix(name, v) {
			return true
		}
	}
	return false
}
