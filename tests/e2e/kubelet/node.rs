//! A node: containerd and a kubelet. Both end with the tests; the namespaces of `kubelet.sh` end their containers.

use std::{fs, path::PathBuf};

use super::control_plane::{ControlPlane, Daemon, tool, until};

pub struct Node {
    /// The fields drop in this order.
    _kubelet: Daemon,
    _containerd: Daemon,
}

impl Node {
    /// Starts a node at one of the addresses of `kubelet.sh`; `pause` is the image of pod sandboxes.
    pub fn start(control_plane: &ControlPlane, name: &str, address: &str, pause: &str) -> Self {
        let folder = control_plane.at(name);
        fs::create_dir_all(folder.join("cni")).expect("a folder");
        let filled = |template: &str| {
            template
                .replace("$FOLDER", &folder.display().to_string())
                .replace("$PAUSE", pause)
                .replace("$RUNC", &tool("PROMOTE_GATES_E2E_RUNC").display().to_string())
                .replace("$CGROUP", &tool("PROMOTE_GATES_E2E_CGROUP").display().to_string())
                .replace("$ADDRESS", address)
        };
        let write = |name: &str, template: &str| {
            let path = folder.join(name);
            fs::write(&path, filled(template)).expect("a configuration");
            path.display().to_string()
        };
        // Without a network for pods the node would not become ready; the pods of the tests are on that of the node.
        write("cni/none.conflist", r#"{ "cniVersion": "1.0.0", "name": "none", "plugins": [{ "type": "none" }] }"#);
        let containerd = ["--config".to_owned(), write("containerd.toml", include_str!("containerd.toml"))];
        let program = tool("PROMOTE_GATES_E2E_CONTAINERD");
        let containerd = Daemon::start(&program, &containerd, &log_of(name, "containerd"));
        until("socket of containerd", || folder.join("containerd.sock").exists().then_some(()));
        let kubelet = [
            format!("--config={}", write("kubelet.yaml", include_str!("kubelet.yaml"))),
            format!("--kubeconfig={}", control_plane.at("admin.kubeconfig").display()),
            format!("--root-dir={}", folder.join("kubelet").display()),
            format!("--hostname-override={name}"),
            format!("--node-ip={address}"),
        ];
        let program = tool("PROMOTE_GATES_E2E_KUBELET").join("kubelet");
        let kubelet = Daemon::start(&program, &kubelet, &log_of(name, "kubelet"));
        Self { _kubelet: kubelet, _containerd: containerd }
    }
}

/// `kubelet.sh` keeps it after the tests.
fn log_of(node: &str, program: &str) -> PathBuf {
    tool("PROMOTE_GATES_E2E_RESULTS").join(format!("{node}.{program}.log"))
}

/// Waits until the node reports that it is ready.
pub fn await_ready(control_plane: &ControlPlane, name: &str) {
    let log = log_of(name, "kubelet");
    until(&format!("node that is ready, see {}", log.display()), || {
        let node = control_plane.api.try_get(&format!("/api/v1/nodes/{name}")).ok()?;
        let conditions = node["status"]["conditions"].as_array()?;
        conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True").then_some(())
    });
}
