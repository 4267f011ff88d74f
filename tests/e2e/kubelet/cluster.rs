//! The cluster of all tests: a control plane, a scheduler, two nodes and a registry.

use std::sync::OnceLock;

use super::{
    control_plane::{ControlPlane, Daemon, tool},
    node::{Node, await_ready},
    registry::{REGISTRY, Registry},
};

/// The nodes, and their addresses, which `kubelet.sh` sets up.
const NODES: [(&str, &str); 2] = [("node-1", "192.0.2.1"), ("node-2", "192.0.2.2")];

pub struct Cluster {
    /// The fields drop in this order.
    _nodes: Vec<Node>,
    _scheduler: Daemon,
    pub registry: Registry,
    pub control_plane: ControlPlane,
}

/// The cluster; each test uses its own namespace.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Vec::new()))
}

impl Cluster {
    /// Starts with additional flags for the API server.
    pub fn start(flags: Vec<String>) -> Self {
        let control_plane = ControlPlane::start_without_nodes(flags);
        let registry = Registry::start(&control_plane.at(""));
        registry.push("pause", "1", "pause");
        registry.push("app", "1", "the first version");
        registry.push("app", "2", "the second version");
        let scheduler = [
            format!("--kubeconfig={}", control_plane.at("admin.kubeconfig").display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        let program = tool("PROMOTE_GATES_E2E_KUBELET").join("kube-scheduler");
        let scheduler = Daemon::start(&program, &scheduler, &control_plane.at("scheduler.log"));
        let pause = format!("{REGISTRY}/pause:1");
        let nodes = NODES.map(|(name, address)| Node::start(&control_plane, name, address, &pause));
        for (name, _) in NODES {
            await_ready(&control_plane, name);
        }
        Self { _nodes: nodes.into(), _scheduler: scheduler, registry, control_plane }
    }
}
