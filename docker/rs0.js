// The health check of the service rs0 in docker-compose.rs.yml: founds the replica set where that has not been done,
// and succeeds while the first member is the primary and every other one a secondary. It has to be the first, which has
// the highest priority: any other would hand over to it within seconds, in the middle of somebody's test.

const founding = {
  _id: "rs0",
  members: [
    { _id: 0, host: "localhost:27017", priority: 2 },
    { _id: 1, host: "localhost:27018", priority: 1 },
    { _id: 2, host: "localhost:27019", priority: 1 },
  ],
  // With the server's own 10 s a set takes 12 s to come up, and as long to replace a lost primary.
  settings: { electionTimeoutMillis: 1000 },
};

function states() {
  try {
    return rs.status().members.map((member) => member.stateStr);
  } catch (error) {
    if (error.codeName !== "NotYetInitialized") throw error;
    rs.initiate(founding);
    return ["founded just now"];
  }
}

const found = states().join(", ");
if (found !== "PRIMARY, SECONDARY, SECONDARY") throw new Error(found);
