"""What other runtimes compute for the same model and inputs, tensor by tensor."""

from hwsim.peers.find import PEERS, Peer, find_peer
from hwsim.peers.recorded import recorded_tensors

__all__ = ["PEERS", "Peer", "find_peer", "recorded_tensors"]
