// The ports of well-known services, for filters such as `sport = :ssh`. It reads no file: a caller can supply the machine's own names.

const names = `
ftp-data 20 ftp 21 ssh 22 telnet 23 smtp 25 time 37 whois 43 tacacs 49 domain 53 dns 53 bootps 67 bootpc 68 tftp 69 gopher 70 finger 79
http 80 www 80 kerberos 88 pop3 110 sunrpc 111 portmapper 111 auth 113 ident 113 nntp 119 ntp 123 epmap 135 netbios-ns 137 netbios-dgm 138
netbios-ssn 139 imap2 143 imap 143 snmp 161 snmp-trap 162 snmptrap 162 bgp 179 irc 194 ldap 389 https 443 microsoft-ds 445 smb 445 kpasswd 464
submissions 465 smtps 465 saft 487 isakmp 500 exec 512 login 513 who 513 shell 514 syslog 514 printer 515 route 520 submission 587 ipp 631
ldaps 636 ftps-data 989 ftps 990 imaps 993 pop3s 995 socks 1080 openvpn 1194 ms-sql-s 1433 radius 1812 radius-acct 1813 mqtt 1883 nfs 2049
docker 2375 docker-tls 2376 etcd-client 2379 etcd-server 2380 iscsi-target 3260 mysql 3306 ms-wbt-server 3389 rdp 3389 svn 3690 epmd 4369
ipsec-nat-t 4500 mdns 5353 llmnr 5355 postgresql 5432 postgres 5432 amqps 5671 amqp 5672 vnc 5900 x11 6000 redis 6379 ircd 6667 http-alt 8080
webcache 8080 https-alt 8443 mqtts 8883 prometheus 9090 git 9418 memcached 11211 mongodb 27017 wireguard 51820
`

/** The ports by name, parsed from the text at the first use. */
class WellKnownPorts {
  #byName: ReadonlyMap<string, number> | undefined

  get byName(): ReadonlyMap<string, number> {
    return (this.#byName ??= new Map([...names.matchAll(/(\S+) (\d+)/g)].map(([, name, port]) => [name!, Number(port)])))
  }
}

const wellKnown = new WellKnownPorts()

/** The port of a service by its name; undefined when it is not a well-known one. */
export const servicePort = (name: string): number | undefined => wellKnown.byName.get(name.toLowerCase())
/** The names of the well-known services. */
export const serviceNames = (): readonly string[] => [...wellKnown.byName.keys()]
