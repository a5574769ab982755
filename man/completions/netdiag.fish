# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_netdiag_global_optspecs
    string join \n h/help V/version
end

function __fish_netdiag_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_netdiag_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_netdiag_using_subcommand
    set -l cmd (__fish_netdiag_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c netdiag -n "__fish_netdiag_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_needs_command" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "ping" -d 'Echo requests to one or more hosts: latency, jitter, loss, hops back'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "sweep" -d 'Many targets, one row each: alive, unreachable and by whom, silent, or not measured from here'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "trace" -d 'The path to one or more hosts: each router on the way, where it ends, and by whom'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "traceroute" -d 'The path to one or more hosts: each router on the way, where it ends, and by whom'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "mtr" -d 'The path to one or more hosts, cycle by cycle: loss and times of every hop, and where loss is real'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "mtu" -d 'The path MTU to one or more hosts: which packets pass, and where larger ones end'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "sockets" -d 'The sockets of this machine: their states, who has them, and what is wrong'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "ss" -d 'The sockets of this machine: their states, who has them, and what is wrong'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "dns" -d 'Ask name servers: what they say, how fast, and what each says differently'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "lookup" -d 'Ask name servers: what they say, how fast, and what each says differently'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "tcp-connect" -d 'TCP connections to one or more ports: whether they open, how fast, and if not, why'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "tcp" -d 'TCP connections to one or more ports: whether they open, how fast, and if not, why'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "syn" -d 'Half-open SYN probes to ports: open, closed, filtered, prohibited or unreachable, and by whom'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "check" -d 'Many checks at once, each with what is expected: pass, warn, fail, unknown or skip'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "wait-for" -d 'Wait until something answers: a port, a web page, a name, a host'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "fping" -d 'fping\'s own options, output and exit codes, as version 5.1 has them'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "explain" -d 'What a word means that netdiag prints, and what to do next'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "schema" -d 'Print the JSON Schema of a command\'s document, or its metrics'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c netdiag -n "__fish_netdiag_needs_command" -f -a "install-links" -d 'Make links under the names of the classic tools, which the program then is'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l proto -d 'What to send: icmp, icmp-timestamp, icmp-probe, udp, tcp (connections), syn or tcp-syn (SYNs of our own, for which nothing is connected), or what to ask a service: tls, quic (a handshake), http, https (a request for /), dns (for the servers of the root); those but ICMP with :PORT. Several by commas: one target each, in the same rhythm' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l probe-interface -d 'With --proto icmp-probe (RFC 8335): which interface of the host is asked about, by name, number or address; neighbor:ADDR asks for its table entry of a neighbour' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s I -l interface -d 'Interface to send by, or a source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s c -l count -d 'Stop after so many requests [default: no end; 10 with json and csv]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s i -l interval -d 'From one request to the next; 0: back to back [default: 1; 0 with --flood]. Below 2 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s W -l timeout -d 'After this time without an answer a request is lost [default: 2]. With --classic: how long to stay after the last request when nothing was answered [default: 10]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s w -l deadline -l wait -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l until-up -d 'End when so many requests in a row were answered: exit 0, else 1' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l until-down -d 'End when so many requests in a row were not: exit 0, else 1' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s l -l preload -d 'So many requests at once at the start; above 3 only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s s -l size -d 'Data bytes of a request: 0 to 65507 (IPv4), 65527 (IPv6) [default: 56]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s p -l pattern -d 'Up to 16 bytes, in hexadecimal, that fill the data' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s t -l ttl -d 'TTL or hop limit, 1 to 255 [default: 64, or what the kernel has]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s Q -l tos -d 'The whole TOS or traffic class byte, decimal or 0x.., as iputils\' -Q' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s M -l df -d 'What happens to packets larger than the path' -r -f -a "do\t'Set DF, and refuse what is larger than the known path MTU'
want\t'Set DF for what fits, fragment what is larger'
dont\t'Never set DF'
probe\t'Set DF and ignore the known path MTU'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s m -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s F -l flow-label -d 'IPv6 flow label, decimal or 0x.., up to 0xfffff; 0: a random one' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s T -l ip-timestamps -d 'IPv4: routers on the way write down the time (tsonly, at most nine), with their addresses (tsandaddr, at most four), or those given alone (tsprespec:ADDR,..., at most four)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s S -l send-buffer -d 'Send buffer of the socket' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l seed -d 'What is left to chance, the flow label of --flow-label 0, is the same with the same number. Identifiers, tags, ports and keys never come of it' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s e -l ident -d 'Echo identifier instead of a random one' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l backend -d 'By what to send and receive: linux, or portable, which is the crate surge-ping: fewer options, this process\'s clock, replies without their data' -r -f -a "linux\t'The kernel\'s own time stamps, ICMP errors and options'
portable\t'The crate surge-ping: what it takes elsewhere, and less of it'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l fail-if -d 'Exit with 1 when this holds, such as \'loss>5% or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s N -l node-information -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "ping\t''
atlas\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s B -l sticky-source -d 'Stay with the source address that the first route gives'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s b -l broadcast -d 'A host may be the broadcast address of a network: every answer counts for the host that it comes from. Not faster than 1 a second, only for root'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l multicast -d 'A host may be a multicast group, with --ttl 1 where not given; likewise. By which interface: --interface, or `ff02::1%eth0`. Below 1 s only root may send'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s r -l direct -d 'IPv4: only to directly attached networks, past every router'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s A -l adaptive -d 'The next request when the answer is there: the interval follows the mean round trip. Below 2 ms only for root'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s f -l flood -d 'As fast as answers come, 100 a second at least; a dot for each request, taken back by its answer. Without --interval only for root'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l first -d 'End with the first reply'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s R -l record-route -d 'IPv4: up to nine routers on the way, there and back, write down their addresses. Many drop such packets'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s d -l debug -d 'SO_DEBUG on the socket, where this user may set it; it changes nothing that is seen'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s L -l no-loopback -d 'With --multicast: do not hear one\'s own packets to a group'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s U -l user-stamps -d 'Round trips by this process\'s clock instead of the kernel\'s stamps'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s n -l numeric -d 'Addresses only, no names'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l names -d 'Names also when the output is no terminal'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s q -l quiet -d 'Only the first line and the summary'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s a -l audible -d 'A bell with each answer'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s D -l dates -d 'The date in front of each line, in seconds of Unix time'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s O -l outstanding -d 'Say that a request is unanswered when the next one leaves'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s v -l verbose -d 'Every rejected packet, and by which method where it is not the best; with jsonl also every request sent'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l classic -d 'Print exactly what iputils\' ping prints, and exit as it does; --classic=ping is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -l classic-exit -d 'Exit as iputils\' ping does'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s C -l connect
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand ping" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s f -l file -d 'Read targets from a file, one a line; `#` begins a comment; `-` is standard input' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l exclude -d 'Leave these out: addresses, networks with all their addresses, ranges, names. May be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l proto -d 'What to send: icmp, udp, tcp or syn, with :PORT behind the last three; syn begins connections and never completes them, which needs the right to send raw packets' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s S -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s I -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s c -l count -d 'Probes to each target, whatever becomes of them, one each interval; 1: probing ends with an answer' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s r -l retry -d 'How often a target without an answer is probed again [default: 1; none with --count above 1]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s B -l backoff -d 'Each retry is waited for so many times as long as the probe before it, 1 to 5 [default: 1]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l interval -d 'From one probe to a target to the next one to it, with --count above 1 [default: 1]. Below 10 ms, and 0 for none, only for root. Where --rate needs longer for all targets, it is that' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l rate -d 'Packets a second to all targets together; max: as fast as it goes, only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s W -l timeout -d 'After this time without an answer a probe is lost' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s w -l deadline -d 'End after this time, whatever is under way, also the look-up of names (after half of it)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s b -l size -d 'Data bytes of a request: 0 to 65507 (IPv4), 65527 (IPv6)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l pattern -d 'Up to 16 bytes, in hexadecimal, that fill the data' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s H -l ttl -d 'TTL or hop limit, 1 to 255 [default: 64, or what the kernel has]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s k -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s x -l min-alive -d 'Exit with 0 when at least so many targets answer, whatever the others do, and no --fail-if holds' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l fail-if -d 'Exit with 1 when this holds for a target, such as \'loss>5% or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "fping-json\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s m -l all-addresses -d 'Every address of a name, not only the first'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l i-know -d 'More than 65,536 targets as a user who is not root'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s a -l alive -d 'Only rows of targets that answer'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s u -l unreachable -d 'Only rows of targets that do not answer'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s q -l quiet -d 'Only the verdict and what is wrong'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l numeric -d 'Addresses as they are, never names of them: as without --names'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l names -d 'The names of addresses, too; a row waits for one for up to a second'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s v -l verbose -d 'Late and repeated answers too; in json each probe'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l classic -d 'Read all other arguments as fping does, and print and exit as it does; see netdiag-fping(1). --classic=fping is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -l classic-exit -d 'Exit with fping\'s codes: 1 when a target does not answer, 2 when a name has no address, 4 when nothing could be measured'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand sweep" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l file -d 'More hosts from a file, one a line, `#` begins a comment; `-`: standard input. With :PORT only beside --tcp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s p -l port -d 'Destination port [default: 33434 of UDP, 443 of TCP]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l confidence -d 'How sure it must be, in per cent, that a router has no further next hop: 95 or 99' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l probe-cap -d 'The most probes to a hop' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l graph -d 'How the paths are drawn: with the text, or a graph alone for Graphviz or Mermaid' -r -f -a "text\t'For people'
dot\t'For Graphviz'
mermaid\t'For Mermaid'"
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s s -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s i -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s q -l queries -d 'Probes to each hop' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s f -l first-ttl -d 'The first hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s m -l max-ttl -d 'The last hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l gap -d 'End after so many silent hops in a row' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s N -l window -d 'How many hops beyond the farthest that answered are asked at once' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l interval -d 'From one probe to a hop to the next one to it [default: as they are answered, from the seventh on 1 a second, as routers limit their answers]; 0: as they are answered, all of them. Below 2 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s w -l timeout -d 'After this time without an answer a probe is lost; sooner, after three round trips of a hop at least as far away, once one has answered' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l deadline -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l size -d 'Data bytes of a probe, 18 to 65507 (IPv4), 65527 (IPv6) [default: 32]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s M -l df -d 'What happens to packets larger than the path' -r -f -a "do\t'Set DF, and refuse what is larger than the known path MTU'
want\t'Set DF for what fits, fragment what is larger'
dont\t'Never set DF'
probe\t'Set DF and ignore the known path MTU'"
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l asn-file -d 'The AS numbers of hops by this file: a MaxMind DB (.mmdb), or lines of prefix and number (pfx2as). Nobody is asked for them' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l fail-if -d 'Exit with 1 when this holds for a target, such as \'hops>12 or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "scamper-json\t''
atlas\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s I -l icmp -d 'ICMP echo requests, and nothing in their place'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s U -l udp -d 'UDP datagrams, to a port where nobody should listen'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s T -l tcp -d 'TCP SYNs, which open no connection; without the right to send them, connections'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l vary-flow -d 'Another flow for each probe, as the classic traceroute: UDP counts its port up, ICMP changes its checksum, TCP takes one of 16 source ports in turn'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l multipath -d 'All paths: how routers balance, and over whom, by the Multipath Detection Algorithm (Augustin et al. 2007, Veitch et al. 2009). Some 6 probes to a hop, 27 and more where there are four ways'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l mtu -d 'As large probes as pass, and how large those are: a column of MTUs. Begins with that of the interface, and goes on with what routers say that call them too big'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s n -l numeric -d 'Addresses only, no names'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l names -d 'Names also when the output is no terminal'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s v -l verbose -d 'Late, repeated and rejected answers too; with jsonl also each probe'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l classic -d 'Read all other arguments as Debian\'s traceroute does, and print and exit as it does: `netdiag trace --classic --help` lists them. --classic=traceroute is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -l classic-exit -d 'Exit as traceroute does: with 0 also where the target was not reached'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand trace" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l file -d 'More hosts from a file, one a line, `#` begins a comment; `-`: standard input. With :PORT only beside --tcp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s p -l port -d 'Destination port [default: 33434 of UDP, 443 of TCP]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l confidence -d 'How sure it must be, in per cent, that a router has no further next hop: 95 or 99' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l probe-cap -d 'The most probes to a hop' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l graph -d 'How the paths are drawn: with the text, or a graph alone for Graphviz or Mermaid' -r -f -a "text\t'For people'
dot\t'For Graphviz'
mermaid\t'For Mermaid'"
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s s -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s i -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s q -l queries -d 'Probes to each hop' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s f -l first-ttl -d 'The first hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s m -l max-ttl -d 'The last hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l gap -d 'End after so many silent hops in a row' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s N -l window -d 'How many hops beyond the farthest that answered are asked at once' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l interval -d 'From one probe to a hop to the next one to it [default: as they are answered, from the seventh on 1 a second, as routers limit their answers]; 0: as they are answered, all of them. Below 2 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s w -l timeout -d 'After this time without an answer a probe is lost; sooner, after three round trips of a hop at least as far away, once one has answered' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l deadline -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l size -d 'Data bytes of a probe, 18 to 65507 (IPv4), 65527 (IPv6) [default: 32]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s M -l df -d 'What happens to packets larger than the path' -r -f -a "do\t'Set DF, and refuse what is larger than the known path MTU'
want\t'Set DF for what fits, fragment what is larger'
dont\t'Never set DF'
probe\t'Set DF and ignore the known path MTU'"
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l asn-file -d 'The AS numbers of hops by this file: a MaxMind DB (.mmdb), or lines of prefix and number (pfx2as). Nobody is asked for them' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l fail-if -d 'Exit with 1 when this holds for a target, such as \'hops>12 or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "scamper-json\t''
atlas\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s I -l icmp -d 'ICMP echo requests, and nothing in their place'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s U -l udp -d 'UDP datagrams, to a port where nobody should listen'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s T -l tcp -d 'TCP SYNs, which open no connection; without the right to send them, connections'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l vary-flow -d 'Another flow for each probe, as the classic traceroute: UDP counts its port up, ICMP changes its checksum, TCP takes one of 16 source ports in turn'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l multipath -d 'All paths: how routers balance, and over whom, by the Multipath Detection Algorithm (Augustin et al. 2007, Veitch et al. 2009). Some 6 probes to a hop, 27 and more where there are four ways'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l mtu -d 'As large probes as pass, and how large those are: a column of MTUs. Begins with that of the interface, and goes on with what routers say that call them too big'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s n -l numeric -d 'Addresses only, no names'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l names -d 'Names also when the output is no terminal'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s v -l verbose -d 'Late, repeated and rejected answers too; with jsonl also each probe'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l classic -d 'Read all other arguments as Debian\'s traceroute does, and print and exit as it does: `netdiag trace --classic --help` lists them. --classic=traceroute is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -l classic-exit -d 'Exit as traceroute does: with 0 also where the target was not reached'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand traceroute" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s F -l file -d 'More hosts from a file, one a line, `#` begins a comment; `-`: standard input. With :PORT only beside --tcp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s c -l count -d 'So many cycles [default: 10 for a report, on a screen until `q`]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s i -l interval -d 'From one cycle to the next one; 0: as fast as it goes, every 1 ms. Below 2 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s P -l port -d 'Destination port [default: 33434 of UDP, 443 of TCP]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s a -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s I -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s f -l first-ttl -d 'The first hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s m -l max-ttl -d 'The last hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l gap -d 'Nothing is asked behind so many silent hops in a row' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s Z -l timeout -d 'After this time without an answer a probe is lost. When all are sent, sooner: after three round trips of a hop at least as far away' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l deadline -d 'End after this time, whatever is under way' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l size -d 'Data bytes of a probe, 18 to 65507 (IPv4), 65527 (IPv6) [default: 32]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s M -l df -d 'What happens to packets larger than the path' -r -f -a "do\t'Set DF, and refuse what is larger than the known path MTU'
want\t'Set DF for what fits, fragment what is larger'
dont\t'Never set DF'
probe\t'Set DF and ignore the known path MTU'"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s o -l order -d 'Columns by mtr\'s letters: L loss, D lost, R received, S sent, N last, B best, A mean, W worst, V deviation, G geometric mean, J jitter of the last two, M its mean, X its largest, I the interarrival jitter of RFC 3550; and K the loss of the link to a hop, O that of the hop itself, U the MTU (with --mtu)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l asn-file -d 'The AS numbers of hops by this file: a MaxMind DB (.mmdb), or lines of prefix and number (pfx2as). Nobody is asked for them' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l fail-if -d 'Exit with 1 when this holds for a target, such as \'loss>1% or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "mtr-json\t''
mtr-csv\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s r -l report -d 'A table at the end instead of a screen'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s w -l report-wide -d 'The same with whole names and all columns, however narrow the terminal is'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l icmp -d 'ICMP echo requests, and nothing in their place'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s u -l udp -d 'UDP datagrams, to a port where nobody should listen'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s T -l tcp -d 'TCP connections, which are not completed on the way'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l vary-flow -d 'Another flow for each probe: UDP takes one of 256 ports in turn, ICMP changes its checksum, TCP takes one of 16 source ports. Then a hop shows all routers that share the load, and a path that changes is not told from one of several'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l mtu -d 'As large probes as pass, and how large those are: a column of MTUs. Begins with that of the interface, and goes on with what routers say that call them too big'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l pathping -d 'The columns of pathping: loss from here to a hop, of the hop itself and of the link to it'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l classic -d 'Read all other arguments as Debian\'s mtr does, and print and exit as it does: `netdiag mtr --classic --help` lists them. --classic=mtr is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l classic-exit -d 'Exit as mtr does: with 0 also where the target was not reached'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s n -l numeric -d 'Addresses only, no names'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l names -d 'Names also when the output is no terminal'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s v -l verbose -d 'Late, repeated and rejected answers too; with jsonl also each probe'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s j -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtr" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s p -l port -d 'Destination port [default: 33434 of UDP, 443 of TCP]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s s -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s i -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l size -d 'The largest packet that is tried, in bytes with its IP header, from 60 (IPv4), 80 (IPv6) [default: the MTU of the interface]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s m -l max-ttl -d 'The last hop that is asked' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s w -s W -l timeout -d 'After this time without an answer a packet is lost; sooner, after three round trips, once one has been answered' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l deadline -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l fail-if -d 'Exit with 1 when this holds for a target, such as \'path_mtu<1400\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s I -l icmp -d 'ICMP echo requests, and nothing in their place'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s U -l udp -d 'UDP datagrams, to a port where nobody should listen'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s T -l tcp -d 'TCP connections, too, for the segment sizes that both ends offer'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s v -l verbose -d 'Each packet, and rejected answers, too'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand mtu" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s s -l summary -d 'Counts in place of sockets, and what the kernel has counted: by state, port, host and process (all), by state only, without a look at processes (states), or what the kernel counts by itself, without a look at its tables (totals), for which --fail-if has less to name [default: all]' -r -f -a "all\t'By state, port, host and process'
states\t'By state'
totals\t'What the kernel counts by itself'"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l procfs -d 'The sockets of another machine, or of another time, in place of this one\'s: a saved copy of its /proc or /proc/net, or of one of the files tcp, tcp6, udp, udp6, raw and raw6. Counters and limits are told as far as they were saved, too; owners are not in such files' -r -F
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l byte-order -d 'How the machine of --procfs has the bytes of addresses [default: as its addresses show, else little]' -r -f -a "little\t'The lowest, as on x86 and most ARM'
big\t'The highest, as on s390x'"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l classic -d 'Print what `netstat -n`, `ss -n` or `lsof -nPi` prints, in its columns and its order, and nothing else. Which sockets is up to the other options' -r -f -a "netstat\t'Those of `netstat -n`'
ss\t'Those of `ss -n`'
lsof\t'Those of `lsof -nPi`'"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l watch -d 'Look again after each such time [default: 1], and tell what was opened, has another state, or has gone; with --summary the numbers of all sockets, and connections, segments and packets a second, as `sar -n SOCK,SOCK6,IP,TCP,ETCP` has them. With --processes each change is told with who has the socket, or had it; with --all-namespaces with its namespace. SIGQUIT has it say how far it is' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s c -l count -d 'End after so many looks [default: at Ctrl-C]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l threshold -d 'From where on something is worth a finding, such as close-wait-leak=100; may be repeated' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l fail-if -d 'Exit with 1 when this holds, such as \'close_wait>10\' or \'findings.critical>0\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s t -l tcp -d 'TCP sockets [default: TCP and UDP]'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s u -l udp -d 'UDP sockets'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s w -l raw -d 'Raw sockets'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s l -l listening -d 'Only sockets that wait for others'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s a -l all -d 'Those that wait for others, too [default: so it is, until --listening]'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s n -l numeric -d 'Addresses and ports as numbers [default: so it is]'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s p -l processes -d 'Who has each socket: process, descriptor, control group'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s A -l all-namespaces -d 'Those of every network namespace, as far as they may be entered, which takes CAP_SYS_ADMIN; what could not be is said'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l audit -d 'The sysctls of TCP in place of sockets: their values, defaults and effects, and what the files of sysctl.d(5) set in vain; exits with 1 on a critical finding'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s v -l verbose -d 'What the kernel measures of each connection (TCP_INFO), too, its user and its inode'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand sockets" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s s -l summary -d 'Counts in place of sockets, and what the kernel has counted: by state, port, host and process (all), by state only, without a look at processes (states), or what the kernel counts by itself, without a look at its tables (totals), for which --fail-if has less to name [default: all]' -r -f -a "all\t'By state, port, host and process'
states\t'By state'
totals\t'What the kernel counts by itself'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l procfs -d 'The sockets of another machine, or of another time, in place of this one\'s: a saved copy of its /proc or /proc/net, or of one of the files tcp, tcp6, udp, udp6, raw and raw6. Counters and limits are told as far as they were saved, too; owners are not in such files' -r -F
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l byte-order -d 'How the machine of --procfs has the bytes of addresses [default: as its addresses show, else little]' -r -f -a "little\t'The lowest, as on x86 and most ARM'
big\t'The highest, as on s390x'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l classic -d 'Print what `netstat -n`, `ss -n` or `lsof -nPi` prints, in its columns and its order, and nothing else. Which sockets is up to the other options' -r -f -a "netstat\t'Those of `netstat -n`'
ss\t'Those of `ss -n`'
lsof\t'Those of `lsof -nPi`'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l watch -d 'Look again after each such time [default: 1], and tell what was opened, has another state, or has gone; with --summary the numbers of all sockets, and connections, segments and packets a second, as `sar -n SOCK,SOCK6,IP,TCP,ETCP` has them. With --processes each change is told with who has the socket, or had it; with --all-namespaces with its namespace. SIGQUIT has it say how far it is' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s c -l count -d 'End after so many looks [default: at Ctrl-C]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l threshold -d 'From where on something is worth a finding, such as close-wait-leak=100; may be repeated' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l fail-if -d 'Exit with 1 when this holds, such as \'close_wait>10\' or \'findings.critical>0\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s t -l tcp -d 'TCP sockets [default: TCP and UDP]'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s u -l udp -d 'UDP sockets'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s w -l raw -d 'Raw sockets'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s l -l listening -d 'Only sockets that wait for others'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s a -l all -d 'Those that wait for others, too [default: so it is, until --listening]'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s n -l numeric -d 'Addresses and ports as numbers [default: so it is]'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s p -l processes -d 'Who has each socket: process, descriptor, control group'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s A -l all-namespaces -d 'Those of every network namespace, as far as they may be entered, which takes CAP_SYS_ADMIN; what could not be is said'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l audit -d 'The sysctls of TCP in place of sockets: their values, defaults and effects, and what the files of sysctl.d(5) set in vain; exits with 1 on a critical finding'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s v -l verbose -d 'What the kernel measures of each connection (TCP_INFO), too, its user and its inode'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand ss" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s t -l type -d 'A type to ask for, whatever it looks like; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s x -l reverse -d 'The name of an address; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l file -d 'Names from a file, one a line, with types behind it; `-`: standard input' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l class -d 'Class: IN, CH, HS or CLASSnnn' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s p -l port -d 'Port of servers without one of their own [default: 53, with --tls and --quic 853, with --https and --http3 443]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l etc -d 'The folder of resolv.conf; with --check that of hosts and nsswitch.conf, too, such as a copy' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l hints -d 'The servers of the root for --trace, a zone file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l anchor -d 'What is believed by --dnssec: DS or DNSKEY records, one a line; else the keys of the root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s S -s b -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s I -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l ttl -d 'TTL or hop limit of every packet [default: what the kernel has, mostly 64]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l udp-size -d 'The largest UDP payload that is taken, by EDNS' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l edns-version -d 'The version of EDNS' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l subnet -d 'Tell for whom the answer is' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l padding -d 'Fill queries up to a multiple of so many bytes' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l edns-option -d 'An option of EDNS by number, with its data; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l https -d 'Ask over HTTPS (RFC 8484), by HTTP/2 where the server speaks it, all questions to a server over one connection; servers that are no URLs are asked for this path [default: /dns-query]. Servers that are URLs are asked so anyway' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l sni -d 'The name that certificates of servers must be for [default: what each server was given by]; with --https it is asked by that name, too' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l ca -d 'Trust the certificates of this file (PEM), and no others [default: those that the machine trusts]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l pin -d 'SHA-256 of the server\'s public key in base64: then neither issuer nor name of its certificate matter (RFC 7858 section 4.2); may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s y -l tsig -d 'Sign queries with this key, its secret in base64, and believe no answer without its signature (RFC 8945). HMAC: hmac-sha256, which it is where none is named, hmac-sha1, hmac-sha384 or hmac-sha512. Others on this machine can see it: rather --tsig-file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s k -l tsig-file -d 'The same with the first key of a file as BIND and tsig-keygen write it' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l transfer-limit -d 'The most bytes of a transfer that are taken; more is a failure' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s c -l count -d 'Queries of each question to each server; more than one is a series with statistics' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s i -l interval -d 'Time from one query of a series to the next; 0: as soon as the one before has ended' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s W -l timeout -d 'After this time without an answer a query is lost' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l retries -d 'How often a server that says nothing is asked again; never in a series' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s w -l deadline -d 'End after this time, whatever is under way' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l fail-if -d 'Exit with 1 when this holds for what a server says, such as \'ttl<60 or p95>50ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "dig\t''
kdig-json\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l check -d 'Whether this machine is set up right to look up names: its files, each of its servers, and what its programs are told'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l trace -d 'From the root down, asking all servers of each zone on the way to NAME, without recursion: who leads where and how fast, who does not serve its zone, and serials; from the root again where a CNAME leads elsewhere'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l dnssec -d 'Validate the answers here, from an anchor down, whatever the server says of them'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s 4 -l ipv4 -d 'Servers by IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s 6 -l ipv6 -d 'Servers by IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l tcp -d 'Ask over TCP'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l ignore-truncation -d 'Take what was cut as it is'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l no-recursion -d 'Do not ask for recursion'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l cd -d 'Set CD: the server shall not validate'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l ad -d 'Set AD: say that it is understood'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l do -d 'Set DO: signatures are wanted'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l no-edns -d 'Ask without EDNS'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l nsid -d 'Ask for the server\'s identifier'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l cookie -d 'Send a cookie'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l wire -d 'Each message in hexadecimal digits, too: with --output json and jsonl'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l tls -d 'Ask over TLS (RFC 7858), all questions to a server over one connection'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l https-get -d 'The same by GET, which may be answered from what was kept on the way, instead of POST'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l http3 -d 'Ask over HTTPS by HTTP/3 (RFC 9114), which goes over QUIC, each question in a stream of its own; also servers that are https://. Servers that are h3:// are asked so anyway'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l quic -d 'Ask over QUIC (RFC 9250), all questions to a server over one connection, each in a stream of its own. Servers that are quic:// are asked so anyway'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l insecure -d 'What is wrong with certificates is told, and fails nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l short -d 'Only the data of answers, a line each'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l classic -d 'Print what dig prints, with its exit codes; AD and a cookie are sent as dig sends them, and a name without a type is asked for by A alone. --classic=dig is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l classic-exit -d 'Exit as dig does: 0 whatever a server says, 9 where none answers'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s v -l verbose -d 'All of each message, and what was rejected, too'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand dns" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s t -l type -d 'A type to ask for, whatever it looks like; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s x -l reverse -d 'The name of an address; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l file -d 'Names from a file, one a line, with types behind it; `-`: standard input' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l class -d 'Class: IN, CH, HS or CLASSnnn' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s p -l port -d 'Port of servers without one of their own [default: 53, with --tls and --quic 853, with --https and --http3 443]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l etc -d 'The folder of resolv.conf; with --check that of hosts and nsswitch.conf, too, such as a copy' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l hints -d 'The servers of the root for --trace, a zone file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l anchor -d 'What is believed by --dnssec: DS or DNSKEY records, one a line; else the keys of the root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s S -s b -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s I -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l ttl -d 'TTL or hop limit of every packet [default: what the kernel has, mostly 64]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l udp-size -d 'The largest UDP payload that is taken, by EDNS' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l edns-version -d 'The version of EDNS' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l subnet -d 'Tell for whom the answer is' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l padding -d 'Fill queries up to a multiple of so many bytes' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l edns-option -d 'An option of EDNS by number, with its data; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l https -d 'Ask over HTTPS (RFC 8484), by HTTP/2 where the server speaks it, all questions to a server over one connection; servers that are no URLs are asked for this path [default: /dns-query]. Servers that are URLs are asked so anyway' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l sni -d 'The name that certificates of servers must be for [default: what each server was given by]; with --https it is asked by that name, too' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l ca -d 'Trust the certificates of this file (PEM), and no others [default: those that the machine trusts]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l pin -d 'SHA-256 of the server\'s public key in base64: then neither issuer nor name of its certificate matter (RFC 7858 section 4.2); may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s y -l tsig -d 'Sign queries with this key, its secret in base64, and believe no answer without its signature (RFC 8945). HMAC: hmac-sha256, which it is where none is named, hmac-sha1, hmac-sha384 or hmac-sha512. Others on this machine can see it: rather --tsig-file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s k -l tsig-file -d 'The same with the first key of a file as BIND and tsig-keygen write it' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l transfer-limit -d 'The most bytes of a transfer that are taken; more is a failure' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s c -l count -d 'Queries of each question to each server; more than one is a series with statistics' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s i -l interval -d 'Time from one query of a series to the next; 0: as soon as the one before has ended' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s W -l timeout -d 'After this time without an answer a query is lost' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l retries -d 'How often a server that says nothing is asked again; never in a series' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s w -l deadline -d 'End after this time, whatever is under way' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l fail-if -d 'Exit with 1 when this holds for what a server says, such as \'ttl<60 or p95>50ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "dig\t''
kdig-json\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l check -d 'Whether this machine is set up right to look up names: its files, each of its servers, and what its programs are told'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l trace -d 'From the root down, asking all servers of each zone on the way to NAME, without recursion: who leads where and how fast, who does not serve its zone, and serials; from the root again where a CNAME leads elsewhere'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l dnssec -d 'Validate the answers here, from an anchor down, whatever the server says of them'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s 4 -l ipv4 -d 'Servers by IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s 6 -l ipv6 -d 'Servers by IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l tcp -d 'Ask over TCP'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l ignore-truncation -d 'Take what was cut as it is'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l no-recursion -d 'Do not ask for recursion'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l cd -d 'Set CD: the server shall not validate'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l ad -d 'Set AD: say that it is understood'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l do -d 'Set DO: signatures are wanted'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l no-edns -d 'Ask without EDNS'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l nsid -d 'Ask for the server\'s identifier'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l cookie -d 'Send a cookie'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l wire -d 'Each message in hexadecimal digits, too: with --output json and jsonl'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l tls -d 'Ask over TLS (RFC 7858), all questions to a server over one connection'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l https-get -d 'The same by GET, which may be answered from what was kept on the way, instead of POST'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l http3 -d 'Ask over HTTPS by HTTP/3 (RFC 9114), which goes over QUIC, each question in a stream of its own; also servers that are https://. Servers that are h3:// are asked so anyway'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l quic -d 'Ask over QUIC (RFC 9250), all questions to a server over one connection, each in a stream of its own. Servers that are quic:// are asked so anyway'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l insecure -d 'What is wrong with certificates is told, and fails nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l short -d 'Only the data of answers, a line each'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l classic -d 'Print what dig prints, with its exit codes; AD and a cookie are sent as dig sends them, and a name without a type is asked for by A alone. --classic=dig is the same'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l classic-exit -d 'Exit as dig does: 0 whatever a server says, 9 where none answers'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s v -l verbose -d 'All of each message, and what was rejected, too'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand lookup" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s S -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l source-port -d 'Source port [default: any that is free]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s I -l interface -d 'Interface to connect by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s c -l count -d 'Attempts to each address; with a URL so many requests, and one more for each redirect' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s i -l interval -d 'From one attempt to an address to the next; 0: as there is room. Below 20 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s W -l timeout -d 'Give an attempt up after this time without an answer' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s w -l deadline -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l parallel -d 'At most so many attempts at once' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l send -d 'Send this once a connection is open, and wait for an answer; \\\\r \\\\n \\\\t \\\\0 \\\\xHH stand for bytes' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l expect-banner -d 'What the service says must match this, within the timeout and its first 16 KiB' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l expect -d 'Exit with 1 unless all of this holds, of every attempt what each has for itself; the first that does not is told: such as \'status=200; ttfb<100ms; body~ready; header:server~nginx\'. Of a body the first 64 KiB are looked at' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l http -d 'Speak this version of HTTP with URLs, 1.1 or 2 [default: over TLS what the server chooses of both, else 1.1]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l max-redirects -d 'Follow so many redirects, to whatever host they lead; 0: none [default: 10]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l proxy -d 'Go through this proxy: socks5://HOST:PORT is asked for the address of a target, of several the first; socks5h:// for its name, which it looks up; http:// for its name by CONNECT. USER:PASSWORD@ may stand before HOST, but other users of this machine see what stands on a command line' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l proxy-login -d 'The proxy is told USER:PASSWORD of the first line of this file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l hold -d 'Keep each connection open for this time' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l starttls -d 'Agree on TLS first, as this protocol does' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l sni -d 'The name to ask for, and that the certificate must be for [default: that of the host]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l ca -d 'Trust the certificates of this file (PEM), and no others [default: those that the machine trusts]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s t -l ttl -d 'TTL or hop limit of every packet' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s m -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l fail-if -d 'Exit with 1 when this holds for a target, or one attempt, such as \'loss>0 or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l reuse -d 'Ask for each URL twice over one connection, a new and a used one, and compare: each attempt is two requests'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l tls -d 'Speak TLS: what it shows must be to be believed. Without it TLS is tried at ports where it is usual (443, 465, 636, 853, 990, 993, 995, 8443), and faults fail nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l no-tls -d 'Speak TLS nowhere'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l insecure -d 'What is wrong with certificates is told, and fails nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s v -l verbose -d 'Below each attempt when it began, its ends, what the kernel knows of it, and certificates'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp-connect" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s S -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l source-port -d 'Source port [default: any that is free]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s I -l interface -d 'Interface to connect by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s c -l count -d 'Attempts to each address; with a URL so many requests, and one more for each redirect' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s i -l interval -d 'From one attempt to an address to the next; 0: as there is room. Below 20 ms only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s W -l timeout -d 'Give an attempt up after this time without an answer' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s w -l deadline -d 'End after this time, whatever is under way, also the look-up of a name (after half of it where there are several targets)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l parallel -d 'At most so many attempts at once' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l send -d 'Send this once a connection is open, and wait for an answer; \\\\r \\\\n \\\\t \\\\0 \\\\xHH stand for bytes' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l expect-banner -d 'What the service says must match this, within the timeout and its first 16 KiB' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l expect -d 'Exit with 1 unless all of this holds, of every attempt what each has for itself; the first that does not is told: such as \'status=200; ttfb<100ms; body~ready; header:server~nginx\'. Of a body the first 64 KiB are looked at' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l http -d 'Speak this version of HTTP with URLs, 1.1 or 2 [default: over TLS what the server chooses of both, else 1.1]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l max-redirects -d 'Follow so many redirects, to whatever host they lead; 0: none [default: 10]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l proxy -d 'Go through this proxy: socks5://HOST:PORT is asked for the address of a target, of several the first; socks5h:// for its name, which it looks up; http:// for its name by CONNECT. USER:PASSWORD@ may stand before HOST, but other users of this machine see what stands on a command line' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l proxy-login -d 'The proxy is told USER:PASSWORD of the first line of this file' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l hold -d 'Keep each connection open for this time' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l starttls -d 'Agree on TLS first, as this protocol does' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l sni -d 'The name to ask for, and that the certificate must be for [default: that of the host]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l ca -d 'Trust the certificates of this file (PEM), and no others [default: those that the machine trusts]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s t -l ttl -d 'TTL or hop limit of every packet' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s m -l mark -d 'Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l fail-if -d 'Exit with 1 when this holds for a target, or one attempt, such as \'loss>0 or p95>80ms\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l reuse -d 'Ask for each URL twice over one connection, a new and a used one, and compare: each attempt is two requests'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l tls -d 'Speak TLS: what it shows must be to be believed. Without it TLS is tried at ports where it is usual (443, 465, 636, 853, 990, 993, 995, 8443), and faults fail nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l no-tls -d 'Speak TLS nowhere'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l insecure -d 'What is wrong with certificates is told, and fails nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s v -l verbose -d 'Below each attempt when it began, its ends, what the kernel knows of it, and certificates'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand tcp" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s S -l source -d 'Source address' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s I -l interface -d 'Interface to send by' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s r -l retries -d 'How often a port that does not answer is asked again, 0 to 15' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l rate -d 'SYNs a second to all targets together; max: as fast as it goes, only for root' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s W -l timeout -d 'After this time without an answer a SYN is lost; each retry is given one and a half times as long' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s w -l deadline -d 'End after this time, whatever is under way, also the look-up of names (after half of it)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s t -l ttl -d 'TTL or hop limit of every SYN [default: what the kernel has, mostly 64]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l dscp -d 'DSCP by name (ef, cs1, af41 ...) or number, 0 to 63' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l ecn -d 'ECN by name (not-ect, ect0, ect1, ce) or bits, 0 to 3; beside --dscp' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s m -l mark -d 'Firewall mark of every SYN (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17)' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l fail-if -d 'Exit with 1 when this holds for an address, such as \'closed>0 or filtered>0\'' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l ask-ecn -d 'Ask for explicit congestion notification (RFC 3168): what agrees to it has `ecn` among its options. Not asked for otherwise: some firewalls drop such SYNs, which then look filtered'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l open -d 'Only rows of ports that are open'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s q -l quiet -d 'Only what is wrong and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s v -l verbose -d 'Each SYN with what became of it, late and repeated answers, and what was rejected'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand syn" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -l only -d 'Only checks with this tag, and those that they depend on; may be given several times' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -s w -l deadline -d 'End all checks after this time [default: that of the file, or 60]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -l color -d 'When lines are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One check a line, as it ends'
csv\t'One row a check'
junit\t'JUnit XML, for continuous integration'
tap\t'The Test Anything Protocol, version 13'
nagios\t'A monitoring plugin\'s line, and its exit codes'
prometheus\t'Metrics for a textfile collector'"
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "nagios\t''
prometheus\t''
markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -l validate -d 'Only look whether the checks are valid; measure nothing'
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -s q -l quiet -d 'Only what does not pass, and the verdict'
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand check" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s w -s W -l timeout -d 'Wait no longer than this' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l consecutive -d 'So many answers in a row' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l ca -d 'Over TLS, trust the certificates of this file (PEM), and no others [default: those that the machine trusts]' -r
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l color -d 'When findings are coloured; auto: on a terminal' -r -f -a "auto\t''
always\t''
never\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document at the end'
jsonl\t'One event a line'
csv\t'A table: a row for each result, such as a host, a hop or a record'"
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l as -d 'Print it in the form of another program, in place of --output' -r -f -a "markdown\t''
csv\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l any -d 'Ready when one of them is'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l all -d 'Ready when all of them are; the default'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s 4 -l ipv4 -d 'IPv4 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s 6 -l ipv6 -d 'IPv6 only'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l insecure -d 'Over TLS, what is wrong with certificates keeps nothing from being ready'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s q -l quiet -d 'Nothing on standard output where all is ready'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand wait-for" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand explain" -s o -l output -d 'Form of the output' -r -f -a "text\t'For people'
json\t'One document'"
complete -c netdiag -n "__fish_netdiag_using_subcommand explain" -l json -d 'The same as --output json'
complete -c netdiag -n "__fish_netdiag_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand explain" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand schema" -l metrics -d 'List the metrics that --fail-if knows, instead of the schema'
complete -c netdiag -n "__fish_netdiag_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand schema" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand completions" -s V -l version -d 'Print version'
complete -c netdiag -n "__fish_netdiag_using_subcommand install-links" -l names -d 'Which [default: all]' -r -f -a "ping\t''
ping4\t''
ping6\t''
fping\t''
fping6\t''
traceroute\t''
traceroute6\t''
mtr\t''
nslookup\t''"
complete -c netdiag -n "__fish_netdiag_using_subcommand install-links" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c netdiag -n "__fish_netdiag_using_subcommand install-links" -s V -l version -d 'Print version'
